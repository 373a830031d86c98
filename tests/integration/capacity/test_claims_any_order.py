"""Any order of steps on a real server: it agrees with a model that counts nothing, and its story breaks no promise.

The model (`FakeClaims`) derives every figure from who has what. The promises are checked on the story alone.
"""

import asyncio
from collections import Counter
from collections.abc import Coroutine
from datetime import datetime, timedelta
from typing import Any, TypeVar
from uuid import uuid4

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule, run_state_machine_as_test
from redis.asyncio import Redis

from services.capacity.adapters.redis_scripts import RedisScripts
from services.capacity.bootstrap import redis_store
from services.capacity.domain.entries import to_ms
from services.capacity.domain.figures import stale_after
from services.capacity.domain.step import START
from services.capacity.ports import Rebuild, Store
from services.contracts.claims import ProgrammeCapacity, ProgrammeFigures
from services.contracts.rebuild import GenerationState, KeptClaim, RestoredClaim
from services.contracts.vocabulary import ClaimState
from tests.integration.capacity.network import NOW, change, opening, referral, request, waiting
from tests.integration.capacity.queues import Queues
from tests.support.capacity.fake_rebuild import fake_store
from tests.support.capacity.readable import readable

T = TypeVar("T")
PROGRAMMES = ("a", "b", "c")
NAMES = st.sampled_from(("a", "a", "b", "b", "c", "never-opened"))
NUMBERS = range(1, 7)
REFERRALS = st.sampled_from(NUMBERS)
FIGURE = set(ProgrammeCapacity.model_fields)
TIERS = st.lists(st.lists(NAMES, min_size=1, max_size=3), min_size=1, max_size=2)


class AnyOrder(RuleBasedStateMachine):
    """The same steps on the server and on the model."""

    url: str
    read_steps: Counter[str]
    """The capacity events of all examples, by type: what the promises were checked on."""

    def __init__(self) -> None:
        super().__init__()
        self.runner = asyncio.Runner()
        self.redis = Redis.from_url(self.url)
        self.prefix = f"t{uuid4().hex}"
        self.real = redis_store(RedisScripts(self.redis, self.prefix), stale_after(7))
        self.model = fake_store()
        self.queues, self.read = Queues(), START
        self.attempts: dict[int, int] = {}
        self.versions: dict[str, int] = {}
        self.seconds = 0

    def teardown(self) -> None:
        self.do(self.redis.aclose())
        self.runner.close()

    def do(self, work: Coroutine[Any, Any, T]) -> T:
        return self.runner.run(work)

    def now(self) -> datetime:
        self.seconds += 1
        return NOW + timedelta(seconds=self.seconds)

    def agree(self, real: Any, model: Any) -> None:
        assert real == model

    @initialize(places=st.integers(0, 2))
    def begin(self, places: int) -> None:
        self.open("a", places, False, 1, 0, [])
        self.open("b", 1, False, 1, 0, [])

    @rule(
        name=st.sampled_from(PROGRAMMES), places=st.integers(0, 3), suspended=st.sampled_from([False, False, True]),
        newer=st.sampled_from([-1, 0, 1, 1]), clock=st.integers(-5, 5),
        joining=st.lists(st.tuples(REFERRALS, st.integers(1, 3)), max_size=4),
    )  # fmt: skip
    def open(
        self, name: str, places: int, suspended: bool, newer: int, clock: int, joining: list[tuple[int, int]]
    ) -> None:
        """A first figure or none, a newer one, the same again or one that comes late, whatever the clock said."""
        at, version = self.now(), max(0, self.versions.get(name, 0) + newer)
        self.versions[name] = max(version, self.versions.get(name, 0))
        what = opening(
            name, places if version else 0, suspended=suspended and version > 0, version=version,
            confirmed_at=at + timedelta(days=clock) if version else None,
            waiting=tuple(waiting(number, attempt) for number, attempt in joining),
        )  # fmt: skip
        self.agree(*(self.do(one.programmes.open_programme(what, at)) for one in (self.real, self.model)))

    @rule(number=REFERRALS, tiers=TIERS, rank=st.integers(-2, 2), forward=st.integers(0, 2), retain=st.booleans())
    def claim(self, number: int, tiers: list[list[str]], rank: int, forward: int, retain: bool = False) -> None:
        """A first claim, a repeat, a next attempt, or one that skips an attempt."""
        attempt = max(1, self.attempts.get(number, 0) + forward)
        self.attempts[number] = attempt
        what = request(number, *tiers, attempt=attempt, rank=rank, retain=retain, at=self.now())
        self.agree(*(self.do(one.claims.claim([what])) for one in (self.real, self.model)))

    @rule(at_once=st.integers(1, 4))
    def fill_and_rebuild(self, at_once: int) -> None:
        """More than there are places for, one of whom has ended by the record."""
        for number in NUMBERS:
            self.claim(number, [["a"], ["b"]], number % 3, 1)
        self.the_story_keeps_its_promises()
        self.rebuild(list(reversed(NUMBERS)), at_once, True, False, {1})

    @rule(number=REFERRALS, tiers=TIERS)
    def claim_and_occupy(self, number: int, tiers: list[list[str]]) -> None:
        self.claim(number, tiers, 0, 1)
        self.occupy(number, 0)

    @rule(number=REFERRALS, tiers=TIERS, behind=st.integers(1, 2))
    def claim_late(self, number: int, tiers: list[list[str]], behind: int) -> None:
        attempt = max(1, self.attempts.get(number, 1) - behind)
        what = request(number, *tiers, attempt=attempt, at=self.now())
        self.agree(*(self.do(one.claims.claim([what])) for one in (self.real, self.model)))

    @rule(number=REFERRALS, off=st.sampled_from([0, 0, 0, -1, 1]))
    def release(self, number: int, off: int) -> None:
        attempt, at = max(1, self.attempts.get(number, 1) + off), self.now()
        self.attempts[number] = max(attempt, self.attempts.get(number, 0))
        what = [change(number, attempt)]
        self.agree(*(self.do(one.claims.release(what, at)) for one in (self.real, self.model)))

    @rule(number=REFERRALS, off=st.sampled_from([0, 0, 0, -1, 1]))
    def occupy(self, number: int, off: int) -> None:
        what, at = [change(number, max(1, self.attempts.get(number, 1) + off))], self.now()
        self.agree(*(self.do(one.claims.occupy(what, at)) for one in (self.real, self.model)))

    @rule(occupies=st.booleans(), named=st.lists(st.tuples(REFERRALS, st.sampled_from([0, 0, -1, 1])), max_size=30))
    def change_many(self, occupies: bool, named: list[tuple[int, int]]) -> None:
        """In one batch, which the server does in parts; with repeats, and attempts that were passed or are to come."""
        what, at = [change(number, max(1, self.attempts.get(number, 1) + off)) for number, off in named], self.now()
        if occupies:
            return self.agree(*(self.do(one.claims.occupy(what, at)) for one in (self.real, self.model)))
        for one in what:
            number = one.referral_id.int
            self.attempts[number] = max(one.attempt, self.attempts.get(number, 0))
        self.agree(*(self.do(one.claims.release(what, at)) for one in (self.real, self.model)))

    @rule(
        name=st.sampled_from(("a", "b")), places=st.integers(0, 3),
        suspended=st.sampled_from([None, False, False, True]),
    )  # fmt: skip
    def resize(self, name: str, places: int, suspended: bool | None) -> None:
        """The registry's next figure; without `suspended` as it was."""
        known = next(one for one in self.figures() if one.programme_id == name)
        self.open(name, places, known.suspended if suspended is None else suspended, 1, 0, [])

    def figures(self) -> tuple[ProgrammeFigures, ...]:
        return self.do(self.model.programmes.snapshot(NOW)).figures

    @rule(
        order=st.permutations(NUMBERS), at_once=st.integers(1, 4), again=st.booleans(), cut=st.booleans(),
        ended=st.sets(REFERRALS, max_size=2),
    )  # fmt: skip
    def rebuild(self, order: list[int], at_once: int, again: bool, cut: bool, ended: set[int]) -> None:
        """From the record, in which some referrals have ended: in any order, repeated, and once cut off before."""
        at = self.now()
        programmes = [ProgrammeCapacity(**one.model_dump(include=FIGURE)) for one in self.figures()]
        stored = self.do(self.model.claim_pages.lookup([referral(number) for number in order], NOW)).claims
        claims = [_recorded(one, ended) for one in stored]
        batches = [claims[first : first + at_once] for first in range(0, len(claims), at_once)]
        for store in (self.real, self.model):
            if cut:
                self.do(restore(store.rebuild, to_ms(at), programmes, batches[:1]))
            self.do(restore(store.rebuild, to_ms(at) + 1, programmes, batches * (1 + again)))
        self.agree(*(self.do(one.rebuild.open(str(to_ms(at) + 1), at)) for one in (self.real, self.model)))
        self.queues = Queues()
        for one in claims:
            for name in one.programme_ids if one.state is ClaimState.WAITING else ():
                self.queues.at(name).add((one.rank, str(one.referral_id)))

    @invariant()
    def the_server_has_what_the_model_has(self) -> None:
        if not self.seconds:
            return
        real, model = (self.do(self.everything(store)) for store in (self.real, self.model))
        assert real == model

    @invariant()
    def the_story_keeps_its_promises(self) -> None:
        if not self.seconds:
            return
        for step in readable(self.do(self.real.steps.after(self.read, 1000))):
            self.queues.read(step.data)
            self.read_steps[type(step.data).__name__] += 1
            self.read = step.id
        figures = self.do(self.real.programmes.snapshot(NOW)).figures
        claims = self.do(self.claims())
        for one in figures:
            assert not (one.free and self.queues.at(one.programme_id)), "a place is free while somebody waits"
            assert one.waiting == len(self.queues.at(one.programme_id))
            assert (one.held, one.occupied) == (
                claims[f"held {one.programme_id}"],
                claims[f"occupied {one.programme_id}"],
            )
            if not one.suspended:
                assert one.places + one.overcommitted == one.free + one.held + one.occupied

    async def claims(self) -> Counter[str]:
        """How many claims the server has of each state and programme."""
        keys = [f"{{{self.prefix}}}:claim:{referral(number)}" for number in NUMBERS]
        found = [str(one, "ascii").split(" ") for one in await self.redis.mget(keys) if isinstance(one, bytes)]
        return Counter(f"{one[1]} {one[3]}" for one in found if one[1] in ("held", "occupied"))

    async def everything(self, store: Store) -> list[Any]:
        queues = [await store.programmes.queue(name, None, 100) for name in (*PROGRAMMES, "never-opened")]
        steps = await store.steps.after(self.read, 1000)
        return [await store.programmes.snapshot(NOW), queues, steps]


def _recorded(stored: KeptClaim, ended: set[int]) -> RestoredClaim:
    """What the record says: capacity may still have a claim of a referral that has ended."""
    if stored.referral_id.int in ended or stored.state is ClaimState.NONE:
        return RestoredClaim(referral_id=stored.referral_id, attempt=max(1, stored.attempt), state=ClaimState.NONE)
    return RestoredClaim(**stored.model_dump(exclude={"queued"}))


async def restore(
    rebuild: Rebuild, epoch: int, programmes: list[ProgrammeCapacity], batches: list[list[RestoredClaim]]
) -> None:
    """All steps but the opening; nobody is served meanwhile."""
    await rebuild.begin(str(epoch))
    for batch in batches:
        await rebuild.restore_programmes(str(epoch), programmes)
        assert await rebuild.restore_claims(str(epoch), batch) == ()
    assert (await rebuild.generation(None)).state is GenerationState.REBUILDING


@pytest.mark.timeout(180)
def test_whatever_the_order_places_are_conserved_and_nobody_is_overtaken(valkey: str) -> None:
    read_steps = Counter[str]()
    machine = type("AnyOrderHere", (AnyOrder,), {"url": valkey, "read_steps": read_steps})
    run_state_machine_as_test(
        machine,
        settings=settings(
            max_examples=25,
            stateful_step_count=30,
            phases=(Phase.explicit, Phase.reuse, Phase.generate),  # shrinking takes many minutes
            suppress_health_check=list(HealthCheck),
            print_blob=True,
        ),
    )
    assert {"PlaceHeldV1", "ClaimQueuedV1", "PlaceHandedOverV1", "PlaceOccupiedV1"} <= read_steps.keys(), read_steps
