"""A claim's trace goes with its steps, and waits with the child until the hand-over."""

from services.capacity.adapters.redis_relay_store import outgoing
from services.capacity.domain.step import Step
from services.capacity.ports import Store
from services.contracts.events import read_event
from tests.integration.capacity.network import claim, open_programme, release


def trace(number: int) -> str:
    return f"00-{number:032x}-{number:016x}-01"


async def steps(store: Store) -> list[tuple[str, str | None]]:
    """The type of each step's event, and its trace as it goes to Kafka."""
    found = [one for one in await store.steps.newest(100) if isinstance(one, Step)]
    read = [read_event(outgoing(one)[0].payload) for one in found]
    return [(one.data.TYPE.removeprefix("kz.joldama."), one.envelope.traceparent) for one in read if one]


async def test_who_waits_is_handed_a_place_in_a_trace_of_its_own(redis_store: Store) -> None:
    await open_programme(redis_store, "a", 1)
    await claim(redis_store, 1, "a", traceparent=trace(1))
    await claim(redis_store, 2, "a", traceparent=trace(2))
    await release(redis_store, 1)
    assert await steps(redis_store) == [
        ("places.set.v1", None),
        ("place.held.v1", trace(1)),
        ("claim.queued.v1", trace(2)),
        ("place.released.v1", None),
        ("place.handed_over.v1", trace(2)),
    ]


async def test_a_place_given_back_by_the_next_attempt_is_in_its_trace_and_the_hand_over_in_the_other_s(
    redis_store: Store,
) -> None:
    await open_programme(redis_store, "a", 1)
    await open_programme(redis_store, "b", 1)
    await claim(redis_store, 1, "a")
    await claim(redis_store, 2, "a", traceparent=trace(2))
    await claim(redis_store, 1, "b", attempt=2, traceparent=trace(1))
    assert (await steps(redis_store))[-3:] == [
        ("place.released.v1", trace(1)),
        ("place.handed_over.v1", trace(2)),
        ("place.held.v1", trace(1)),
    ]


async def test_without_traces_no_key_and_no_field_has_one(redis_store: Store) -> None:
    await open_programme(redis_store, "a", 1)
    for number in (1, 2):
        await claim(redis_store, number, "a")
    await release(redis_store, 1)
    assert {told for _, told in await steps(redis_store)} == {None}
