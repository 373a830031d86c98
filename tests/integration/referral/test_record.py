"""The Referrals port, held by the fake and by SQL alike."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Callable
from datetime import timedelta
from uuid import UUID

import pytest
from sqlmodel import select

from services.contracts.claims import DataVersion
from services.contracts.reference import Settlement
from services.contracts.vocabulary import Gmfcs, Modality, OfferState, Priority
from services.kit.errors import Conflict
from services.kit.sql.database import Database
from services.referral.adapters.history import HISTORY
from services.referral.adapters.rows import read_candidates
from services.referral.adapters.sql_referrals import SqlReferrals
from services.referral.adapters.sql_registry import SqlRegistry
from services.referral.adapters.tables import DecisionRow
from services.referral.domain.acts import Act, act
from services.referral.domain.eligibility import Exclusion
from services.referral.domain.life import Command
from services.referral.domain.referral import Change, make_offer, set_aside, start_waiting
from services.referral.domain.routing import Candidate, Decision
from services.referral.entrypoints.center_shapes import CenterBody, center_rows
from services.referral.ports import Referrals, Seeker
from tests.integration.referral.country import center_body, programme_body
from tests.unit.referral.fakes import FakeReferrals
from tests.unit.referral.samples import NOW, needs, programme, referral

DECISION = Decision((Candidate("near", 1.5, 0), Candidate("far", 9.0, 0)), {Exclusion.AGE: ("early",)})
NOWHERE: dict[str, Settlement] = {}


@pytest.fixture(params=["fake", "sql"])
async def referrals(request: pytest.FixtureRequest, new_database: Callable[[str], str]) -> AsyncIterator[Referrals]:
    """A record at registry version 1."""
    if request.param == "fake":
        yield FakeReferrals()
        return
    url = new_database("record")
    HISTORY.migrate(url)
    database = Database(url)
    body = CenterBody.model_validate(center_body(programme_body("near")))
    await SqlRegistry(database, NOWHERE, lambda: NOW).put_center(*center_rows("near", body))
    yield SqlReferrals(database)
    await database.close()


def offered(number: int = 1, programme_id: str = "near") -> Change:
    one = referral(number, needs=needs(gmfcs=Gmfcs.III, max_distance_km=300.5, modalities=frozenset(Modality)))
    return make_offer(one, programme_id, f"center-{programme_id}", 1.5, NOW, decision=DECISION)


def waits(number: int = 1) -> Change:
    return start_waiting(referral(number), NOW, DECISION)


def declined(made: Change) -> Change:
    assert made.offer
    later, roles = NOW + timedelta(hours=1), frozenset({"center"})
    done = Act(Command.DECLINE, later, "center:near", roles, reason="no_capacity", note="full")
    return act(made.referral, [made.offer], done)


async def test_what_was_saved_is_found_again(referrals: Referrals) -> None:
    change = offered()
    await referrals.save([change], consumer="a", event_ids=["e1"], registry_version=1)
    found = await referrals.load(change.referral.id)
    assert found
    assert (found.referral, found.offers) == (change.referral, (change.offer,))
    assert (found.offer, found.passed) == (change.offer, set())
    assert await referrals.load(UUID(int=9)) is None


async def test_an_event_is_seen_once_a_consumer(referrals: Referrals) -> None:
    await referrals.save([offered()], consumer="a", event_ids=["e1"])
    assert (await referrals.look("a", ["e1", "e2"], ())).unseen == {"e2"}
    assert (await referrals.look("b", ["e1", "e2"], ())).unseen == {"e1", "e2"}


async def test_a_look_finds_the_known_with_all_their_offers(referrals: Referrals) -> None:
    first = offered()
    second = declined(first)
    await referrals.save([first])
    await referrals.save([second])
    found = (await referrals.look("a", (), [UUID(int=1), UUID(int=2)])).known
    assert set(found) == {UUID(int=1)}
    assert found[UUID(int=1)].referral == second.referral
    assert [one.state for one in found[UUID(int=1)].offers] == [OfferState.DECLINED]


async def test_all_changes_are_saved_or_none(referrals: Referrals) -> None:
    first = offered()
    await referrals.save([first], consumer="a", event_ids=["e1"])
    for changes, event_id in (([offered(2), first], "e2"), ([offered(2)], "e1")):
        with pytest.raises(Conflict):
            await referrals.save(changes, consumer="a", event_ids=[event_id])
    found = await referrals.look("a", ["e2"], [UUID(int=2)])
    assert (found.known, found.unseen) == ({}, {"e2"})


async def test_of_two_steps_from_one_version_one_is_saved(referrals: Referrals) -> None:
    first = offered()
    await referrals.save([first])
    results = await asyncio.gather(*(referrals.save([declined(first)]) for _ in range(5)), return_exceptions=True)
    assert Counter(map(type, results)) == {Conflict: 4, type(None): 1}


async def test_who_waits_must_know_the_registry_of_now(referrals: Referrals) -> None:
    for version in (0, 2):
        with pytest.raises(Conflict):
            await referrals.save([waits()], registry_version=version)
    await referrals.save([waits()], registry_version=1)
    assert [one.id.int for one in await referrals.seeking([programme("near")])] == [1]


async def test_who_is_set_aside_must_know_the_registry_of_now(referrals: Referrals) -> None:
    nowhere = set_aside(referral(1), NOW, Decision((), {}))
    with pytest.raises(Conflict):
        await referrals.save([nowhere], registry_version=2)
    await referrals.save([nowhere], registry_version=1)
    assert [one.waits for one in await referrals.seeking([programme("near")])] == [False]


async def test_who_waits_or_could_not_be_placed_seeks_a_programme_of_the_right_kind(referrals: Referrals) -> None:
    changes = [offered(1), waits(2), set_aside(referral(3), NOW, Decision((), {})), waits(4)]
    await referrals.save(changes, registry_version=1)
    found = {one.id.int: one for one in await referrals.seeking([programme("near"), programme("far")])}
    assert {number: one.waits for number, one in found.items()} == {2: True, 3: False, 4: True}
    one = changes[1].referral
    assert found[2] == Seeker(one.id, one.attempt, one.rank, True, one.needs, frozenset())
    assert await referrals.seeking([programme("other", modality=Modality.HOME_CARE)]) == []
    assert not await referrals.seeking([])


async def test_joining_a_queue_is_for_those_who_wait_and_happens_once(referrals: Referrals) -> None:
    await referrals.save([offered(1), waits(2)], registry_version=1)
    new = Candidate("new", 4.0)
    for _ in range(2):
        await referrals.join_queues({UUID(int=number): [new] for number in (1, 2, 3)})
    assert await candidates(referrals, 2) == ["near", "new", "far"]
    assert await candidates(referrals, 1) == ["near", "far"]


async def test_many_join_at_once(referrals: Referrals) -> None:
    await referrals.save([waits(number) for number in range(1, 1202)], registry_version=1)
    await asyncio.gather(
        *(
            referrals.join_queues({UUID(int=number): [Candidate(name, 4.0)] for number in range(1, 1202)})
            for name in ("new-a", "new-b")
        )
    )
    for number in (1, 500, 501, 1201):
        assert await candidates(referrals, number) == ["near", "new-a", "new-b", "far"]


async def candidates(referrals: Referrals, number: int) -> list[str]:
    if isinstance(referrals, FakeReferrals):
        return [one.programme_id for one in referrals.decisions[UUID(int=number), 1].candidates]
    assert isinstance(referrals, SqlReferrals)
    of_this = DecisionRow.referral_id == str(UUID(int=number))
    row = await referrals._database.read(lambda session: session.scalars(select(DecisionRow).where(of_this)).one())
    return [one.programme_id for one in read_candidates(row.candidates)]


async def test_the_mark_only_grows_within_its_epoch(referrals: Referrals) -> None:
    for mark in (DataVersion(epoch="5", sequence=7), DataVersion(epoch="5", sequence=3), None):
        await referrals.save([], mark=mark)
    assert (await referrals.look("a", (), ())).mark == DataVersion(epoch="5", sequence=7)


async def test_what_another_generation_granted_is_not_committed(referrals: Referrals) -> None:
    await referrals.save([], mark=DataVersion(epoch="5", sequence=7))
    for epoch in ("4", "6"):
        with pytest.raises(Conflict):
            await referrals.save([offered()], consumer="a", event_ids=["e1"], mark=DataVersion(epoch=epoch, sequence=9))
    found = await referrals.look("a", ["e1"], [UUID(int=1)])
    assert (found.known, found.unseen, found.mark) == ({}, {"e1"}, DataVersion(epoch="5", sequence=7))


async def test_an_urgent_childs_moments_are_kept_to_the_millisecond(referrals: Referrals) -> None:
    at = NOW + timedelta(milliseconds=123)
    one = referral(needs=needs(submitted_at=at, priority=Priority.URGENT))
    await referrals.save([make_offer(one, "near", "c", 0.0, at, decision=DECISION)])
    found = await referrals.load(one.id)
    assert found
    assert found.referral.needs.submitted_at == at
    assert found.referral.deadline_at == at + timedelta(hours=24)
