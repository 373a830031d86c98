"""`/v1/access`, for services: who has a referral now."""

from fastapi import Depends

from services.contracts.access import AccessAnswer, AccessQuestion
from services.contracts.vocabulary import Role
from services.kit.http.auditing import audited
from services.kit.http.auth import Require
from services.kit.http.routes import BODY, guarded_router
from services.referral.entrypoints.referrals import Service

# As large as a batch between services: a thousand ids.
router = guarded_router("/v1/access", tags=["access (services only)"], max_body_size=2 * BODY)
CALLER = Depends(Require(Role.INTAKE_API))


@router.post("", dependencies=[CALLER], summary="Who has these referrals now")
@audited(never=True)  # intake's own entry has the person for whom it asks
async def ask(question: AccessQuestion, service: Service) -> AccessAnswer:
    """The state, version and center with an open offer of each; one that is not routed yet is missing."""
    return AccessAnswer(referrals=tuple(await service.reading.access.of(question.referral_ids)))
