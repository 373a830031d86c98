"""`/v1/family`, for services: what a referral's family is told."""

from uuid import UUID

from fastapi import Depends

from services.contracts.authority import Visibility
from services.contracts.family import FamilyCenter, FamilyOutlook, FamilyQueue
from services.contracts.vocabulary import Modality, ReferralState, Role
from services.kit.http.auditing import audited
from services.kit.http.auth import Require
from services.kit.http.routes import guarded_router
from services.referral.adapters.sql_stories import Row, Story
from services.referral.domain.deadlines import ADMIT_DAYS, ANSWER_DAYS
from services.referral.domain.life import AT_A_CENTER
from services.referral.entrypoints.referrals import Service
from services.referral.handlers.forecast_places import Forecast, QueueForecast
from services.referral.ports import Unavailable

router = guarded_router("/v1/family", tags=["family (services only)"])
CALLER = Depends(Require(Role.INTAKE_API))


@router.get("/{referral_id}", dependencies=[CALLER], summary="What a referral's family is told")
@audited(never=True)  # intake's own entry has the address from which the family asked
async def tell_family(referral_id: UUID, service: Service) -> FamilyOutlook:
    """State, center, agreed day, and the queues with their dates, by the figures that are published.

    One that is not in the record is not routed yet.
    """
    story = await service.reading.views.story(str(referral_id), Visibility(everything=True))
    if story is None:
        return FamilyOutlook(state=ReferralState.SUBMITTED)
    row = story.referral
    if row.state != ReferralState.WAITING:
        return _outlook(story, row)
    return _waiting(story, await service.published_forecast.referral(referral_id))


def _outlook(story: Story, row: Row) -> FamilyOutlook:
    state = ReferralState(row.state)
    if state not in AT_A_CENTER or row.center_id is None or row.programme_id is None:
        return FamilyOutlook(state=state)
    return FamilyOutlook(
        state=state, center=_center(story, row.center_id), modality=_modality(story, row.programme_id),
        answer_by=row.deadline_at if state is ReferralState.OFFERED else None, admit_on=row.admit_on,
    )  # fmt: skip


def _waiting(story: Story, forecast: Forecast | Unavailable) -> FamilyOutlook:
    if not isinstance(forecast, Forecast):
        return FamilyOutlook(state=ReferralState.WAITING, queues_known=False)
    known = [one for one in forecast.queues if one.supply.programme_id in story.directory.programmes]
    earliest = forecast.earliest
    return FamilyOutlook(
        state=ReferralState.WAITING, queues=tuple(_queue(story, one) for one in known),
        estimated_on=earliest.estimated_on if earliest else None, answer_days=ANSWER_DAYS, admit_days=ADMIT_DAYS,
    )  # fmt: skip


def _queue(story: Story, one: QueueForecast) -> FamilyQueue:
    supply = one.supply
    return FamilyQueue(
        center=_center(story, supply.center_id), modality=_modality(story, supply.programme_id),
        position=one.position, length=one.length, places=supply.places, course_days=supply.course_days,
        estimated_on=one.estimated_on,
    )  # fmt: skip


def _center(story: Story, center_id: str) -> FamilyCenter:
    found = story.directory.centers[center_id]
    return FamilyCenter(**{name: getattr(found, name) for name in FamilyCenter.model_fields})


def _modality(story: Story, programme_id: str) -> Modality:
    return Modality(story.directory.programmes[programme_id].modality)
