"""A referral's life to its end, on real servers: each step with what it does to the place, and to who waits for it."""

from datetime import timedelta
from uuid import UUID, uuid4

import pytest

from services.contracts.events import ReferralAdmittedV1, ReferralCompletedV1
from services.contracts.vocabulary import OfferState, ReferralState
from services.kit.errors import TransientError
from services.referral.domain.life import Command, IllegalTransition
from tests.integration.referral.country import Country, hand_overs, offers, programme_body
from tests.unit.referral.samples import event

S, C = ReferralState, Command
FREE, HELD = (1, 0, 0), (1, 1, 0)


async def test_a_whole_life_from_offer_to_discharge(country: Country) -> None:
    await country.open("near")
    await country.submit(1)
    await country.accept(1)
    await country.carry()
    assert (await country.figures(), await country.occupied()) == ({"near": HELD}, {"near": 0})
    await country.act(1, C.ADMIT)
    await country.carry()
    assert (await country.figures(), await country.occupied()) == ({"near": FREE}, {"near": 1})
    await country.act(1, C.DISCHARGE, "improved", note="walks with a rail")
    await country.carry()
    assert (await country.figures(), await country.occupied()) == ({"near": FREE}, {"near": 0})
    story = await country.story(1)
    assert (story.state, story.center_id, story.owner, story.deadline_at) == (S.COMPLETED, "near", None, None)
    assert [(one.command, one.actor, one.reason, one.note) for one in story.history] == [
        ("offer", "router", None, None), ("accept", "admin:a", None, None), ("admit", "admin:a", None, None),
        ("discharge", "admin:a", "improved", "walks with a rail"),
    ]  # fmt: skip
    assert [one.state for one in story.offers] == [OfferState.ACCEPTED]


async def test_a_discharge_hands_the_place_to_the_first_in_the_queue(country: Country) -> None:
    await country.open("near")
    await country.submit(1)
    await country.submit(3, 2)
    await country.admit(1)
    await country.carry()
    await country.act(1, C.DISCHARGE, "stable")
    assert offers(await country.carry()) == [(2, "near")]
    assert await country.queue("near") == [3]


@pytest.mark.parametrize("steps", [[], [C.SEEN], [C.ACCEPT], [C.ACCEPT, C.ADMIT], [C.DECLINE]])
@pytest.mark.parametrize("end", [(C.CANCEL, "moved_away"), (C.WITHDRAW, None)])
async def test_a_cancellation_from_any_open_state_gives_everything_back(
    country: Country, steps: list[Command], end: tuple[Command, str | None]
) -> None:
    await country.open("near")
    await country.submit(1)
    await country.submit(2)
    for command in steps:
        await country.act(1, command, "other" if command is C.DECLINE else None)
    await country.act(1, *end)
    await country.carry()
    story = await country.story(1)
    assert (story.state, story.center_id, story.deadline_at) == (S.CANCELLED, None, None)
    assert story.history[-1].reason == (end[1] or "family_withdrew")
    assert story.offers[-1].state is (OfferState.DECLINED if steps == [C.DECLINE] else OfferState.WITHDRAWN)
    assert await country.where(2) == (S.OFFERED, "near")
    assert (await country.figures(), await country.occupied()) == ({"near": HELD}, {"near": 0})


async def test_who_waits_or_is_unplaceable_and_cancels_leaves_the_queues(country: Country) -> None:
    await country.open("near", places=0)
    await country.open("far", places=0, settlement="far")
    await country.submit(1, 2)
    await country.submit(3, icd10="F84.0")
    assert await country.where(3) == (S.UNPLACEABLE, None)
    await country.act(1, C.CANCEL, "other")
    await country.act(3, C.WITHDRAW)
    await country.carry()
    assert await country.queue("near") == await country.queue("far") == [2]
    assert (await country.where(1), await country.where(3)) == ((S.CANCELLED, None), (S.CANCELLED, None))


async def test_a_center_that_accepted_may_still_decline_and_the_child_goes_on(country: Country) -> None:
    await country.open("near")
    await country.open("far", settlement="far")
    await country.submit(1)
    await country.accept(1)
    await country.act(1, C.DECLINE, "temporarily_closed")
    await country.carry()
    assert await country.where(1) == (S.OFFERED, "far")
    assert await country.figures() == {"near": FREE, "far": HELD}
    assert [one.state for one in (await country.loaded(1)).offers] == [OfferState.DECLINED, OfferState.MADE]


async def test_a_no_show_gives_the_place_on_and_offered_again_the_child_keeps_its_turn(country: Country) -> None:
    await country.open("near")
    await country.submit(1)
    await country.submit(2, 3)
    await country.accept(1)
    await country.carry()
    await country.act(1, C.NO_SHOW, "child_ill")
    assert offers(await country.carry()) == [(2, "near")]
    story = await country.story(1)
    assert (story.state, story.owner, story.center_id) == (S.NO_SHOW, "polyclinic", None)
    assert (story.offers[0].state, story.offers[0].reason) == (OfferState.MISSED, "child_ill")
    await country.act(1, C.OFFER_AGAIN)
    await country.carry()
    assert await country.queue("near") == [1, 3]
    await country.decline(2)
    assert offers(await country.carry()) == [(1, "near")]


async def test_where_a_child_did_not_come_it_may_be_offered_again_at_once(country: Country) -> None:
    await country.open("near", places=2)
    await country.submit(1)
    await country.accept(1)
    await country.act(1, C.NO_SHOW, "no_transport")
    await country.act(1, C.OFFER_AGAIN)
    await country.carry()
    assert await country.where(1) == (S.OFFERED, "near")
    assert await country.figures() == {"near": (2, 1, 0)}


async def test_an_operator_sends_an_unplaceable_child_again_before_its_center_is_heard_of(country: Country) -> None:
    await country.open("far", settlement="far", modality="inpatient")
    await country.submit(1)
    story = await country.story(1)
    assert (story.state, story.owner, story.escalation) == (S.UNPLACEABLE, "operators", "unplaceable")
    assert story.history[-1].reason == "no_programme"
    await country.register("near", programme_body("near"))
    await country.act(1, C.OFFER_AGAIN)
    await country.carry()
    story = await country.story(1)
    assert (story.state, story.center_id, story.escalation) == (S.OFFERED, "near", None)


async def test_offered_again_with_nothing_new_it_is_unplaceable_again(country: Country) -> None:
    await country.open("near")
    await country.submit(1)
    await country.decline(1)
    await country.carry()
    assert (await country.story(1)).history[-1].reason == "all_declined"
    await country.act(1, C.OFFER_AGAIN)
    await country.carry()
    assert await country.where(1) == (S.UNPLACEABLE, None)
    assert await country.figures() == {"near": FREE}


async def test_five_failed_offers_call_for_help_and_the_child_still_goes_on(country: Country) -> None:
    for number in range(6):
        await country.open(f"c{number}")
    await country.submit(1)
    for _ in range(4):
        await country.decline(1)
        await country.carry()
    assert (await country.story(1)).escalation is None
    await country.decline(1)
    await country.carry()
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
    carried = await country.told()
    for command, reason in ((C.ACCEPT, None), (C.NO_SHOW, "other"), (C.OFFER_AGAIN, None)):
        await country.act(1, command, reason)
        carried += await country.carry()
    await country.admit(2)
    carried += await country.carry()
    await country.act(2, C.DISCHARGE, "socialized")
    carried += await country.carry()
    before = [await country.story(number) for number in (1, 2, 3)], await country.figures(), await country.queue("near")
    renamed = [event(one.data, id=str(uuid4())) for one in carried]
    for repeated in (carried, carried[::-1], renamed, renamed[::-1]):
        await country.take(repeated)
        assert await country.told() == []
    after = [await country.story(number) for number in (1, 2, 3)], await country.figures(), await country.queue("near")
    assert after == before
    assert await country.occupied() == {"near": 0}


async def test_an_admission_that_is_told_after_the_discharge_occupies_nothing(country: Country) -> None:
    await country.open("near")
    await country.submit(1)
    await country.admit(1)
    await country.act(1, C.DISCHARGE, "stable")
    told = await country.told()
    for kind in (ReferralCompletedV1, ReferralAdmittedV1):
        await country.take([one for one in told if isinstance(one.data, kind)])
    await country.take(told)
    assert (await country.figures(), await country.occupied()) == ({"near": FREE}, {"near": 0})


async def test_cancelled_while_the_hand_over_is_on_its_way_the_place_goes_to_the_next(country: Country) -> None:
    await country.open("near", places=0)
    await country.submit(1, 2)
    await country.set_places("near", 1)
    handed = await country.steps()
    assert [one.data.referral_id for one in hand_overs(handed)] == [UUID(int=1)]  # type: ignore[attr-defined]
    await country.act(1, C.CANCEL, "died")
    await country.take(handed)
    assert offers(await country.carry()) == [(2, "near")]
    assert await country.where(1) == (S.CANCELLED, None)
    assert await country.figures() == {"near": HELD}


async def test_cancelled_while_the_router_has_a_claim_that_is_not_recorded_the_place_is_given_back(
    country: Country,
) -> None:
    await country.open("near")
    await country.open("far", settlement="far")
    await country.submit(1)
    await country.decline(1)
    told = await country.told()
    handler = country.service.move_on
    save = handler.referrals.save

    async def crash(*_: object, **__: object) -> None:
        raise TransientError("crash")

    handler.referrals.save = crash  # type: ignore[method-assign]
    with pytest.raises(TransientError, match="crash"):
        await handler(told)
    handler.referrals.save = save  # type: ignore[method-assign]
    assert (await country.figures())["far"] == HELD
    await country.act(1, C.CANCEL, "other")
    await country.take(told)
    await country.carry()
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
    await country.carry()
    story = await country.story(1)
    assert (story.state, story.center_id, story.escalation) == (S.OFFERED, "far", None)


async def test_an_agreed_day_is_told_and_shown(country: Country) -> None:
    await country.open("near")
    await country.submit(1)
    day = country.clock().date() + timedelta(days=20)
    await country.accept(1, admit_on=day)
    assert (await country.story(1)).admit_on == day
    assert (await country.told())[-1].data.admit_on == day  # type: ignore[attr-defined]


async def test_failed_offers_stay_the_reason_until_they_are_settled(country: Country) -> None:
    for number in range(6):
        await country.open(f"c{number}", places=1 if number < 5 else 0)
    await country.submit(1)
    for _ in range(5):
        await country.decline(1)
        await country.carry()
    known = await country.story(1)
    assert (known.state, known.escalation) == (S.WAITING, "failed_offers")
    assert await country.pass_time(days=32) == {C.ESCALATE: 1}
    await country.set_places("c5", 1)
    await country.carry()
    story = await country.story(1)
    assert (story.state, story.escalation, story.escalated_at) == (S.OFFERED, "failed_offers", known.escalated_at)
