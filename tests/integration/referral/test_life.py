"""A referral's life to its end, on real servers: each step, what it does to the place, and who is offered it."""

from datetime import timedelta
from uuid import UUID, uuid4

import pytest

from services.contracts.events import ReferralAdmittedV1, ReferralCompletedV1
from services.contracts.vocabulary import OfferState, ReferralState
from services.referral.domain.life import Command, IllegalTransition
from tests.integration.referral.country import ADMIN_ACTOR, Country, hand_overs, offers, programme_body
from tests.unit.referral.samples import event

S, C = ReferralState, Command
NOTE = UUID(int=77)
FREE, HELD = (1, 0, 0), (1, 1, 0)


async def test_a_whole_life_from_offer_to_discharge(country: Country) -> None:
    await country.open("near")
    await country.submit(1)
    await country.accept(1)
    await country.deliver()
    assert (await country.figures(), await country.occupied()) == ({"near": HELD}, {"near": 0})
    await country.act(1, C.ADMIT)
    await country.deliver()
    assert (await country.figures(), await country.occupied()) == ({"near": FREE}, {"near": 1})
    await country.act(1, C.DISCHARGE, "improved", note_id=NOTE)
    await country.deliver()
    assert (await country.figures(), await country.occupied()) == ({"near": FREE}, {"near": 0})
    story = await country.story(1)
    assert (story.state, story.center_id, story.owner, story.deadline_at) == (S.COMPLETED, "near", None, None)
    assert [(one.command, one.actor, one.reason, one.note_id) for one in story.history] == [
        ("offer", "router", None, None), ("accept", ADMIN_ACTOR, None, None), ("admit", ADMIN_ACTOR, None, None),
        ("discharge", ADMIN_ACTOR, "improved", NOTE),
    ]  # fmt: skip
    assert [one.state for one in story.offers] == [OfferState.ACCEPTED]


async def test_a_discharge_hands_the_place_to_the_first_in_the_queue(country: Country) -> None:
    await country.open("near")
    await country.submit(1)
    await country.submit(3, 2)
    await country.admit(1)
    await country.deliver()
    await country.act(1, C.DISCHARGE, "stable")
    assert offers(await country.deliver()) == [(2, "near")]
    assert await country.queue("near") == [3]


@pytest.mark.parametrize("steps", [[], [C.SEEN], [C.ACCEPT], [C.ACCEPT, C.ADMIT], [C.DECLINE]])
@pytest.mark.parametrize("end", [(C.CANCEL, "moved_away"), (C.WITHDRAW, None)])
async def test_a_cancellation_in_any_open_state_releases_everything(
    country: Country, steps: list[Command], end: tuple[Command, str | None]
) -> None:
    await country.open("near")
    await country.submit(1)
    await country.submit(2)
    for command in steps:
        await country.act(1, command, "other" if command is C.DECLINE else None)
    await country.act(1, *end)
    await country.deliver()
    story = await country.story(1)
    assert (story.state, story.center_id, story.deadline_at) == (S.CANCELLED, None, None)
    assert story.history[-1].reason == (end[1] or "family_withdrew")
    assert story.offers[-1].state is (OfferState.DECLINED if steps == [C.DECLINE] else OfferState.WITHDRAWN)
    assert await country.where(2) == (S.OFFERED, "near")
    assert (await country.figures(), await country.occupied()) == ({"near": HELD}, {"near": 0})


async def test_a_cancelled_waiting_or_unplaceable_referral_leaves_the_queues(country: Country) -> None:
    await country.open("near", places=0)
    await country.open("far", places=0, settlement="far")
    await country.submit(1, 2)
    await country.submit(3, icd10="F84.0")
    assert await country.where(3) == (S.UNPLACEABLE, None)
    await country.act(1, C.CANCEL, "other")
    await country.act(3, C.WITHDRAW)
    await country.deliver()
    assert await country.queue("near") == await country.queue("far") == [2]
    assert (await country.where(1), await country.where(3)) == ((S.CANCELLED, None), (S.CANCELLED, None))


async def test_a_center_that_accepted_may_still_decline_and_the_child_goes_on(country: Country) -> None:
    await country.open("near")
    await country.open("far", settlement="far")
    await country.submit(1)
    await country.accept(1)
    await country.act(1, C.DECLINE, "temporarily_closed")
    await country.deliver()
    assert await country.where(1) == (S.OFFERED, "far")
    assert await country.figures() == {"near": FREE, "far": HELD}
    assert [one.state for one in (await country.loaded(1)).offers] == [OfferState.DECLINED, OfferState.MADE]


async def test_a_no_show_releases_the_place_and_offered_again_the_child_keeps_the_rank(country: Country) -> None:
    await country.open("near")
    await country.submit(1)
    await country.submit(2, 3)
    await country.accept(1)
    await country.deliver()
    await country.act(1, C.NO_SHOW, "child_ill")
    assert offers(await country.deliver()) == [(2, "near")]
    story = await country.story(1)
    assert (story.state, story.owner, story.center_id) == (S.NO_SHOW, "polyclinic", None)
    assert (story.offers[0].state, story.offers[0].reason) == (OfferState.MISSED, "child_ill")
    await country.act(1, C.OFFER_AGAIN)
    await country.deliver()
    assert await country.queue("near") == [1, 3]
    await country.decline(2)
    assert offers(await country.deliver()) == [(1, "near")]


async def test_where_a_child_did_not_come_it_may_be_offered_again_at_once(country: Country) -> None:
    await country.open("near", places=2)
    await country.submit(1)
    await country.accept(1)
    await country.act(1, C.NO_SHOW, "no_transport")
    await country.act(1, C.OFFER_AGAIN)
    await country.deliver()
    assert await country.where(1) == (S.OFFERED, "near")
    assert await country.figures() == {"near": (2, 1, 0)}


async def test_an_operator_offers_an_unplaceable_child_again_before_the_worker_opens_the_center(
    country: Country,
) -> None:
    await country.open("far", settlement="far", modality="inpatient")
    await country.submit(1)
    story = await country.story(1)
    assert (story.state, story.owner, story.escalation) == (S.UNPLACEABLE, "operators", "unplaceable")
    assert story.history[-1].reason == "no_programme"
    await country.register("near", programme_body("near"))
    await country.act(1, C.OFFER_AGAIN)
    await country.deliver()
    story = await country.story(1)
    assert (story.state, story.center_id, story.escalation) == (S.OFFERED, "near", None)


async def test_offered_again_with_nothing_new_it_is_unplaceable_again(country: Country) -> None:
    await country.open("near")
    await country.submit(1)
    await country.decline(1)
    await country.deliver()
    assert (await country.story(1)).history[-1].reason == "all_declined"
    await country.act(1, C.OFFER_AGAIN)
    await country.deliver()
    assert await country.where(1) == (S.UNPLACEABLE, None)
    assert await country.figures() == {"near": FREE}


async def test_five_failed_offers_escalate_and_the_child_is_still_routed(country: Country) -> None:
    for number in range(6):
        await country.open(f"c{number}")
    await country.submit(1)
    for _ in range(4):
        await country.decline(1)
        await country.deliver()
    assert (await country.story(1)).escalation is None
    await country.decline(1)
    await country.deliver()
    story = await country.story(1)
    assert (story.state, story.center_id, story.escalation) == (S.OFFERED, "c5", "failed_offers")
    await country.accept(1)
    assert (await country.story(1)).escalation is None
    await country.decline(1)
    assert (await country.story(1)).escalation == "failed_offers"


async def test_a_closed_referral_takes_no_command(country: Country) -> None:
    await country.open("near")
    await country.submit(1)
    await country.act(1, C.WITHDRAW)
    for command in (C.SEEN, C.ACCEPT, C.ADMIT, C.NO_SHOW, C.DISCHARGE, C.OFFER_AGAIN, C.CANCEL, C.WITHDRAW):
        with pytest.raises(IllegalTransition) as refused:
            await country.act(1, command)
        assert refused.value.allowed == ()


async def test_all_events_of_a_life_again_in_any_order_change_nothing(country: Country) -> None:
    await country.open("near")
    await country.submit(1)
    await country.submit(2, 3)
    handled = await country.own_events()
    for command, reason in ((C.ACCEPT, None), (C.NO_SHOW, "other"), (C.OFFER_AGAIN, None)):
        await country.act(1, command, reason)
        handled += await country.deliver()
    await country.admit(2)
    handled += await country.deliver()
    await country.act(2, C.DISCHARGE, "socialized")
    handled += await country.deliver()
    before = [await country.story(number) for number in (1, 2, 3)], await country.figures(), await country.queue("near")
    renamed = [event(one.data, id=str(uuid4())) for one in handled]
    for repeated in (handled, handled[::-1], renamed, renamed[::-1]):
        await country.handle(repeated)
        assert await country.own_events() == []
    after = [await country.story(number) for number in (1, 2, 3)], await country.figures(), await country.queue("near")
    assert after == before
    assert await country.occupied() == {"near": 0}


async def test_an_admission_handled_after_the_discharge_occupies_nothing(country: Country) -> None:
    await country.open("near")
    await country.submit(1)
    await country.admit(1)
    await country.act(1, C.DISCHARGE, "stable")
    events = await country.own_events()
    for kind in (ReferralCompletedV1, ReferralAdmittedV1):
        await country.handle([one for one in events if isinstance(one.data, kind)])
    await country.handle(events)
    assert (await country.figures(), await country.occupied()) == ({"near": FREE}, {"near": 0})


async def test_cancelled_before_the_hand_over_is_handled_the_place_goes_to_the_next(country: Country) -> None:
    await country.open("near", places=0)
    await country.submit(1, 2)
    await country.set_places("near", 1)
    handed = await country.capacity_events()
    assert [one.data.referral_id for one in hand_overs(handed)] == [UUID(int=1)]  # type: ignore[attr-defined]
    await country.act(1, C.CANCEL, "died")
    await country.handle(handed)
    assert offers(await country.deliver()) == [(2, "near")]
    assert await country.where(1) == (S.CANCELLED, None)
    assert await country.figures() == {"near": HELD}


async def test_cancelled_while_the_router_has_a_claim_that_is_not_recorded_the_place_is_released(
    country: Country,
) -> None:
    await country.open("near")
    await country.open("far", settlement="far")
    await country.submit(1)
    await country.decline(1)
    events = await country.own_events()
    with country.crash_at_commit():
        await country.handle(events)
    assert (await country.figures())["far"] == HELD
    await country.act(1, C.CANCEL, "other")
    await country.handle(events)
    await country.deliver()
    assert await country.figures() == {"near": FREE, "far": FREE}
    assert await country.where(1) == (S.CANCELLED, None)


async def test_an_escalation_on_its_way_to_the_next_center_does_not_stop_it(country: Country) -> None:
    """The steward's step comes between the decline and the router's next claim."""
    await country.open("near")
    await country.open("far", settlement="far")
    await country.submit(1)
    await country.decline(1)
    assert await country.pass_time(minutes=16) == {C.ESCALATE: 1}
    assert (await country.story(1)).escalation == "not_routed"
    await country.deliver()
    story = await country.story(1)
    assert (story.state, story.center_id, story.escalation) == (S.OFFERED, "far", None)


async def test_an_agreed_day_is_in_the_event_and_shown(country: Country) -> None:
    await country.open("near")
    await country.submit(1)
    day = country.clock().date() + timedelta(days=20)
    await country.accept(1, admit_on=day)
    assert (await country.story(1)).admit_on == day
    assert (await country.own_events())[-1].data.admit_on == day  # type: ignore[attr-defined]


async def test_failed_offers_stay_the_reason_until_they_are_settled(country: Country) -> None:
    for number in range(6):
        await country.open(f"c{number}", places=1 if number < 5 else 0)
    await country.submit(1)
    for _ in range(5):
        await country.decline(1)
        await country.deliver()
    known = await country.story(1)
    assert (known.state, known.escalation) == (S.WAITING, "failed_offers")
    assert await country.pass_time(days=32) == {C.ESCALATE: 1}
    await country.set_places("c5", 1)
    await country.deliver()
    story = await country.story(1)
    assert (story.state, story.escalation, story.escalated_at) == (S.OFFERED, "failed_offers", known.escalated_at)
