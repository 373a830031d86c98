"""`/v1/published`, for services: whether events are intake's own."""

from fastapi import Depends

from services.contracts.published import PublishedAnswer, PublishedQuestion
from services.contracts.vocabulary import Role
from services.intake.entrypoints.access import TheIntake
from services.kit.http.auditing import audited
from services.kit.http.auth import Require
from services.kit.http.routes import BODY, guarded_router

# As large as a batch between services: a thousand ids.
router = guarded_router("/v1/published", tags=["events (services only)"], max_body_size=2 * BODY)
CALLER = Depends(Require(Role.REFERRAL_WORKER))


@router.post("", dependencies=[CALLER], summary="Which of these events are intake's")
@audited(never=True)  # what the worker then does is in the referral's history
async def ask(question: PublishedQuestion, intake: TheIntake) -> PublishedAnswer:
    """Each event as it was written with what it tells of; one that is missing was not written here."""
    found = await intake.published.of(question.event_ids)
    return PublishedAnswer(events=tuple(one.decode() for one in found))
