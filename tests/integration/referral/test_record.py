"""The ports Referrals and Queues: one suite for the fake and for SQL."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, replace
from datetime import timedelta
from uuid import UUID

import pytest

from services.contracts.claims import DataVersion
from services.contracts.reference import Settlement
from services.contracts.vocabulary import Gmfcs, Modality, OfferState, Priority
from services.kit.errors import Conflict
from services.kit.sql.database import Database
from services.kit.sql.migrations import History
from services.kit.versions import ANYTHING
from services.referral.adapters.history import HISTORY
from services.referral.adapters.sql_queues import SqlQueues
from services.referral.adapters.sql_referrals import SqlReferrals
from services.referral.adapters.sql_registry import SqlRegistry
from services.referral.domain.acts import Act, act
from services.referral.domain.deadline_steps import return_to_router
from services.referral.domain.eligibility import Exclusion
from services.referral.domain.life import Command
from services.referral.domain.referral import Change, make_offer, set_aside, start_waiting
from services.referral.domain.routing import Candidate, Decision
from services.referral.entrypoints.center_schemas import CenterBody, registration_of
from services.referral.ports import Queues, Referrals, UnplacedReferral
from tests.integration.referral.country import center_body, programme_body
from tests.unit.referral.fakes import FakeReferrals
from tests.unit.referral.samples import NOW, needs, programme, referral

DECISION = Decision((Candidate("near", 1.5, 0), Candidate("far", 9.0, 0)), {Exclusion.AGE: ("early",)})
NOWHERE: dict[str, Settlement] = {}


@dataclass
class Record:
    referrals: Referrals
    queues: Queues


@pytest.fixture(params=["fake", "sql"])
async def record(
    request: pytest.FixtureRequest, migrated_database: Callable[[str, History], str]
) -> AsyncIterator[Record]:
    """A record at registry version 1."""
    if request.param == "fake":
        fake = FakeReferrals()
        yield Record(fake, fake)
        return
    database = Database(migrated_database("record", HISTORY))
    body = CenterBody.model_validate(center_body(programme_body("near")))
    await SqlRegistry(database, NOWHERE, lambda: NOW).put_center(registration_of("near", body), ANYTHING)
    yield Record(SqlReferrals(database), SqlQueues(database))
    await database.close()


@pytest.fixture
def referrals(record: Record) -> Referrals:
    return record.referrals


@pytest.fixture
def queues(record: Record) -> Queues:
    return record.queues


def offered(number: int = 1, programme_id: str = "near") -> Change:
    one = referral(number, needs=needs(gmfcs=Gmfcs.III, max_distance_km=300.5, modalities=frozenset(Modality)))
    return make_offer(one, programme_id, f"center-{programme_id}", 1.5, NOW, decision=DECISION)


def waits(number: int = 1) -> Change:
    return start_waiting(referral(number), NOW, DECISION, ("near", "far"))


def declined(made: Change) -> Change:
    assert made.offer
    later = NOW + timedelta(hours=1)
    done = Act(Command.DECLINE, later, "center:near", "center", reason="no_capacity", note_id=UUID(int=7))
    return act(made.referral, [made.offer], done)


async def test_what_was_saved_is_found_again(referrals: Referrals) -> None:
    change = offered()
    await referrals.save([change], consumer="a", event_ids=["e1"], registry_version=1)
    found = await referrals.load(change.referral.id)
    assert found
    assert (found.referral, found.offers) == (change.referral, (change.offer,))
    assert (found.offer, found.excluded_ids(NOW)) == (change.offer, frozenset())
    assert await referrals.load(UUID(int=9)) is None


async def test_an_event_is_unseen_until_its_consumer_saved_it(referrals: Referrals) -> None:
    await referrals.save([offered()], consumer="a", event_ids=["e1"])
    assert (await referrals.load_batch("a", ["e1", "e2"], ())).unseen == {"e2"}
    assert (await referrals.load_batch("b", ["e1", "e2"], ())).unseen == {"e1", "e2"}


async def test_a_batch_is_loaded_with_all_offers(referrals: Referrals) -> None:
    first = offered()
    second = declined(first)
    await referrals.save([first])
    await referrals.save([second])
    found = (await referrals.load_batch("a", (), [UUID(int=1), UUID(int=2)])).referrals
    assert set(found) == {UUID(int=1)}
    assert found[UUID(int=1)].referral == second.referral
    assert [one.state for one in found[UUID(int=1)].offers] == [OfferState.DECLINED]


async def test_all_changes_are_saved_or_none(referrals: Referrals) -> None:
    first = offered()
    await referrals.save([first], consumer="a", event_ids=["e1"])
    for changes, event_id in (([offered(2), first], "e2"), ([offered(2)], "e1")):
        with pytest.raises(Conflict):
            await referrals.save(changes, consumer="a", event_ids=[event_id])
    found = await referrals.load_batch("a", ["e2"], [UUID(int=2)])
    assert not found.referrals
    assert found.unseen == {"e2"}


async def test_of_two_steps_from_one_version_one_is_saved(referrals: Referrals) -> None:
    first = offered()
    await referrals.save([first])
    results = await asyncio.gather(*(referrals.save([declined(first)]) for _ in range(5)), return_exceptions=True)
    assert Counter(map(type, results)) == {Conflict: 4, type(None): 1}


async def test_waiting_is_saved_at_the_registrys_own_version_only(referrals: Referrals, queues: Queues) -> None:
    for version in (0, 2):
        with pytest.raises(Conflict):
            await referrals.save([waits()], registry_version=version)
    await referrals.save([waits()], registry_version=1)
    assert [one.id.int for one in await queues.unplaced([programme("near")], NOW)] == [1]


async def test_unplaceable_is_saved_at_the_registrys_own_version_only(referrals: Referrals, queues: Queues) -> None:
    nowhere = set_aside(referral(1), NOW, Decision((), {}))
    with pytest.raises(Conflict):
        await referrals.save([nowhere], registry_version=2)
    await referrals.save([nowhere], registry_version=1)
    assert [one.waits for one in await queues.unplaced([programme("near")], NOW)] == [False]


async def test_the_unplaced_are_found_by_modality(referrals: Referrals, queues: Queues) -> None:
    changes = [offered(1), waits(2), set_aside(referral(3), NOW, Decision((), {})), waits(4)]
    await referrals.save(changes, registry_version=1)
    found = {one.id.int: one for one in await queues.unplaced([programme("near"), programme("far")], NOW)}
    assert {number: one.waits for number, one in found.items()} == {2: True, 3: False, 4: True}
    one = changes[1].referral
    assert found[2] == UnplacedReferral(one.id, one.attempt, one.rank, True, one.needs, frozenset())
    assert await queues.unplaced([programme("other", modality=Modality.HOME_CARE)], NOW) == []
    assert not await queues.unplaced([], NOW)


async def test_a_queue_is_joined_once_and_by_those_who_wait(referrals: Referrals, queues: Queues) -> None:
    await referrals.save([offered(1), waits(2), waits(4)], registry_version=1)
    for _ in range(2):
        await queues.join("new", {UUID(int=1): 1, UUID(int=2): 1, UUID(int=3): 1, UUID(int=4): 2}, NOW)
    found = await queues.entries([UUID(int=number) for number in (1, 2, 3, 4)])
    assert found == {UUID(int=2): {"near", "far", "new"}, UUID(int=4): {"near", "far"}}, "4 waits under attempt 1"
    assert await queues.waiting_for("new") == {UUID(int=2)}


async def test_the_queues_are_those_of_the_referrals_own_attempt(referrals: Referrals, queues: Queues) -> None:
    first = waits(1)
    reviewed = return_to_router(first.referral, NOW)
    again = replace(reviewed.referral, attempt=2)
    await referrals.save([first], registry_version=1)
    await referrals.save([reviewed, start_waiting(again, NOW, DECISION, ("far",))], registry_version=1)
    assert await queues.entries([first.referral.id]) == {first.referral.id: {"far"}}
    assert await queues.waiting_for("near") == frozenset()


async def test_many_join_at_once(referrals: Referrals, queues: Queues) -> None:
    everybody = [UUID(int=number) for number in range(1, 1202)]
    await referrals.save([waits(one.int) for one in everybody], registry_version=1)
    await asyncio.gather(*(queues.join(name, dict.fromkeys(everybody, 1), NOW) for name in ("new-a", "new-b")))
    found = await queues.entries(everybody)
    assert set(found) == set(everybody)
    assert set(found.values()) == {frozenset({"near", "far", "new-a", "new-b"})}


async def test_the_data_version_only_grows_within_its_epoch(referrals: Referrals) -> None:
    for version in (DataVersion(epoch="5", sequence=7), DataVersion(epoch="5", sequence=3), None):
        await referrals.save([], data_version=version)
    assert (await referrals.load_batch("a", (), ())).data_version == DataVersion(epoch="5", sequence=7)


async def test_a_grant_of_another_generation_is_not_committed(referrals: Referrals) -> None:
    await referrals.save([], data_version=DataVersion(epoch="5", sequence=7))
    for epoch in ("4", "6"):
        with pytest.raises(Conflict):
            await referrals.save(
                [offered()], consumer="a", event_ids=["e1"], data_version=DataVersion(epoch=epoch, sequence=9)
            )
    found = await referrals.load_batch("a", ["e1"], [UUID(int=1)])
    assert not found.referrals
    assert (found.unseen, found.data_version) == (frozenset({"e1"}), DataVersion(epoch="5", sequence=7))


async def test_an_urgent_childs_moments_are_kept_to_the_millisecond(referrals: Referrals) -> None:
    at = NOW + timedelta(milliseconds=123)
    one = referral(needs=needs(submitted_at=at, priority=Priority.URGENT))
    await referrals.save([make_offer(one, "near", "c", 0.0, at, decision=DECISION)])
    found = await referrals.load(one.id)
    assert found
    assert found.referral.needs.submitted_at == at
    assert found.referral.deadline_at == at + timedelta(hours=24)
