"""A child's way from the diagnosis to an offer, on real servers: nearest first, nobody lost, nobody overtaken."""

from uuid import UUID, uuid4

import pytest
from sqlalchemy import func, select

from services.contracts.vocabulary import OfferState, Priority, ReferralState
from services.kit.errors import Conflict
from services.referral.adapters.tables import outbox
from tests.integration.referral.country import Country, hand_overs, offers, programme_body
from tests.unit.referral.samples import diagnosis, event

S = ReferralState


async def test_the_nearest_gets_the_child_and_says_why(country: Country) -> None:
    await country.open("far", settlement="far")
    await country.open("near")
    await country.open("inpatient-here", settlement="home", modality="inpatient")
    await country.submit(1)
    assert await country.where(1) == (S.OFFERED, "near")
    story = await country.story(1)
    assert story.decision
    chosen, other = story.decision.candidates
    assert (chosen.programme_id, chosen.free, chosen.chosen, chosen.kilometers) == ("near", 1, True, 111.102)
    assert (other.programme_id, other.free, other.chosen) == ("far", 1, False)
    assert story.decision.excluded == {"modality": ["inpatient-here"]}
    assert [(one.command, one.to_state) for one in story.history] == [("offer", S.OFFERED)]


async def test_a_full_center_sends_the_child_to_the_next_nearest(country: Country) -> None:
    await country.open("near")
    await country.open("far", settlement="far")
    await country.submit(1, 2)
    assert [await country.where(number) for number in (1, 2)] == [(S.OFFERED, "near"), (S.OFFERED, "far")]


async def test_with_nobody_free_the_child_waits_in_every_queue(country: Country) -> None:
    await country.open("near", places=0)
    await country.open("far", places=0, settlement="far")
    await country.submit(2, 1)
    assert await country.where(1) == (S.WAITING, None)
    assert await country.queue("near") == await country.queue("far") == [1, 2]


async def test_places_that_come_free_go_by_rank_and_the_urgent_first(country: Country) -> None:
    await country.open("near", places=0)
    await country.submit(1, 2, 3)
    await country.submit(4, priority=Priority.URGENT)
    await country.set_places("near", 2)
    assert offers(await country.deliver()) == [(4, "near"), (1, "near")]
    await country.decline(4)
    assert offers(await country.deliver()) == [(2, "near")]
    assert await country.queue("near") == [3]


async def test_a_decline_moves_on_by_itself_and_never_back(country: Country) -> None:
    await country.open("near", places=2)
    await country.open("far", places=1, settlement="far")
    await country.submit(1)
    await country.decline(1)
    await country.deliver()
    assert await country.where(1) == (S.OFFERED, "far")
    story = await country.story(1)
    assert [(one.programme_id, one.state, one.reason) for one in story.offers] == [
        ("near", OfferState.DECLINED, "no_capacity"), ("far", OfferState.MADE, None),
    ]  # fmt: skip
    assert story.decision
    assert story.decision.excluded == {"declined": ["near"]}
    assert (await country.figures())["near"] == (2, 0, 0)


async def test_a_rerouted_child_keeps_the_rank(country: Country) -> None:
    await country.open("near")
    await country.open("far", places=0, settlement="far")
    await country.submit(1)
    await country.submit(2, 3)
    await country.decline(1)
    await country.deliver()
    assert await country.where(2) == (S.OFFERED, "near")
    assert await country.queue("far") == [1, 3]


async def test_when_all_have_declined_the_child_is_unplaceable_and_the_place_is_released(country: Country) -> None:
    await country.open("near")
    await country.submit(1, 2)
    await country.decline(1)
    await country.deliver()
    assert await country.where(1) == (S.UNPLACEABLE, None)
    assert await country.where(2) == (S.OFFERED, "near")
    assert await country.figures() == {"near": (1, 1, 0)}


async def test_the_same_events_again_change_nothing(country: Country) -> None:
    await country.open("near")
    await country.open("far", places=0, settlement="far")
    batch = [event(diagnosis(number)) for number in (1, 2, 3)]
    await country.handle(batch)
    await country.decline(1)
    handled = await country.deliver()
    before = [await country.story(number) for number in (1, 2, 3)], await country.figures()
    renamed = [event(diagnosis(number), id=str(uuid4())) for number in (1, 2, 3)]
    for repeated in (batch, renamed, batch + renamed):
        await country.handle(repeated)
    await country.handle(handled)
    await country.handle(reversed(handled))
    assert await country.own_events() == []
    assert ([await country.story(number) for number in (1, 2, 3)], await country.figures()) == before


async def test_one_referral_twice_in_a_batch_is_placed_once(country: Country) -> None:
    await country.open("near", places=2)
    await country.handle([event(diagnosis(1)), event(diagnosis(1), id="again")])
    assert (await country.figures())["near"] == (2, 1, 0)
    assert len(await country.own_events()) == 1


async def test_a_crash_between_claim_and_commit_gives_the_same_place_and_one_offer(country: Country) -> None:
    await country.open("near", places=2)
    batch = [event(diagnosis(number)) for number in (1, 2, 3)]
    with country.crash_at_commit():
        await country.handle(batch)
    assert (await country.figures())["near"] == (2, 2, 1)
    await country.handle(batch)
    assert offers(await country.own_events()) == [(1, "near"), (2, "near")]
    assert await country.where(3) == (S.WAITING, None)
    assert (await country.figures())["near"] == (2, 2, 1)


async def test_a_place_handed_over_during_a_crash_is_offered_once(country: Country) -> None:
    await country.open("near", places=0)
    batch = [event(diagnosis(1))]
    with country.crash_at_commit():
        await country.handle(batch)
    await country.set_places("near", 1)
    await country.handle(batch)
    assert offers(await country.deliver()) == [(1, "near")]
    assert len((await country.loaded(1)).offers) == 1


async def test_a_child_that_crashed_into_a_queue_joins_a_center_that_opened_meanwhile(country: Country) -> None:
    await country.open("far", places=0, settlement="far")
    batch = [event(diagnosis(1))]
    with country.crash_at_commit():
        await country.handle(batch)
    await country.open("near", places=0)
    await country.handle(batch)
    assert await country.queue("near") == [1]
    await country.set_places("near", 1)
    await country.deliver()
    assert await country.where(1) == (S.OFFERED, "near")


async def test_a_queue_joined_before_a_crash_is_left_when_its_programme_accepts_the_child_no_longer(
    country: Country,
) -> None:
    await country.open("near", places=0)
    await country.open("far", places=0, settlement="far")
    batch = [event(diagnosis(1))]
    with country.crash_at_commit():
        await country.handle(batch)
    await country.register("near", programme_body("near", 0, age_under_months=12))
    await country.deliver()
    await country.handle(batch)
    assert (await country.queue("near"), await country.queue("far")) == ([], [1])
    story = await country.story(1)
    assert story.decision
    assert [one.programme_id for one in story.decision.candidates] == ["far"]
    assert {one.programme_id for one in story.queues} == {"far"}


async def test_two_crashes_while_the_network_changes_leave_the_child_with_the_place_it_got(country: Country) -> None:
    await country.open("other", icd10_prefixes=["F84"])
    batch = [event(diagnosis(1))]
    with country.crash_at_commit():
        await country.handle(batch)
    await country.open("near", places=1)
    with country.crash_at_commit():
        await country.handle(batch)
    await country.handle(batch)
    assert await country.where(1) == (S.OFFERED, "near")
    assert (await country.figures())["near"] == (1, 1, 0)


async def test_a_hand_over_before_the_commit_of_the_waiting_is_early(country: Country) -> None:
    await country.open("near", places=0)
    batch = [event(diagnosis(1))]
    with country.crash_at_commit():
        await country.handle(batch)
    await country.set_places("near", 1)
    early = hand_overs(await country.capacity_events())
    assert await country.react(early) == {one.envelope.id for one in early}
    await country.handle(batch)
    await country.handle(early)
    assert offers(await country.own_events())[-1:] == [(1, "near")]


async def test_a_center_that_opens_while_children_wait_takes_them_by_rank(country: Country) -> None:
    await country.open("far", places=0, settlement="far")
    await country.submit(3, 2, 1)
    await country.submit(4, age_months=200)
    await country.submit(5, priority=Priority.HIGH)
    await country.register("near", programme_body("near", 2, age_under_months=100))
    assert offers(await country.deliver()) == [(5, "near"), (1, "near")]
    assert await country.queue("near") == [2, 3]
    assert await country.queue("far") == [2, 3, 4]
    story = await country.story(2)
    assert story.decision
    assert [one.programme_id for one in story.decision.candidates] == ["far"], "a decision is never rewritten"
    far, near = sorted(story.queues, key=lambda one: one.programme_id)
    assert (far.programme_id, far.reason, far.since) == ("far", "decided", story.decision.at)
    assert (near.programme_id, near.center_name, near.reason) == ("near", "Center", "opened")
    assert near.since > far.since


async def test_a_child_routed_while_a_center_opens_is_not_forgotten_by_it(country: Country) -> None:
    """The registry is read, a center opens, and only then is the waiting committed."""
    await country.open("far", places=0, settlement="far")
    old = await country.service.registry.network()
    await country.open("near", places=1)

    async def stale_network() -> object:
        return old

    country.service.registry.network = stale_network  # type: ignore[method-assign,assignment]
    with pytest.raises(Conflict, match="registry"):
        await country.submit(1)
    del country.service.registry.network
    await country.submit(1)
    await country.deliver()
    assert await country.where(1) == (S.OFFERED, "near")


async def test_every_event_of_a_referral_has_the_version_it_made(country: Country) -> None:
    await country.open("near")
    await country.open("far", settlement="far")
    await country.submit(1)
    await country.decline(1)
    handled = [one.data for one in await country.deliver() if one.envelope.subject == str(UUID(int=1))]
    versions = [getattr(one, "version", None) for one in handled if hasattr(one, "polyclinic_id")]
    assert versions == [1, 2, 3]
    events = select(func.count(outbox.rows.c.event_id.distinct()))
    recorded = await country.service.database.read(lambda session: session.execute(events).scalar_one())
    assert recorded == len(versions) + 4, "and the entries and the figures of two centers"
