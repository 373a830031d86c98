"""The replay finds children who were overtaken, and raises no alarm where it cannot know."""

from typing import Any
from uuid import UUID, uuid4

from services.contracts.events import ClaimQueuedV1, ClaimWithdrawnV1, Payload, PlaceHandedOverV1, PlaceHeldV1
from services.contracts.vocabulary import Modality
from tests.chaos.feed import ObservedSteps
from tests.chaos.queue_replay import RecordedWait, ReplayResult, replay

EPOCH = 1_000
FIRST, SECOND = uuid4(), uuid4()
RANKS = {str(FIRST): 1, str(SECOND): 2}


def queued(who: UUID, *programmes: str) -> Payload:
    return ClaimQueuedV1(
        referral_id=who, attempt=1, rank=RANKS[str(who)], programme_ids=programmes, epoch="1", sequence=1
    )


def withdrawn(who: UUID, *programmes: str) -> Payload:
    return ClaimWithdrawnV1(referral_id=who, attempt=1, programme_ids=programmes, epoch="1", sequence=1)


def granted(who: UUID, programme: str, kind: Any = PlaceHandedOverV1, held: int = 1, places: int = 1) -> Payload:
    return kind(  # type: ignore[no-any-return]
        programme_id=programme, center_id="c", region_id="r", modality=Modality.INPATIENT, places=places, held=held,
        occupied=0, waiting=0, referral_id=who, attempt=1, epoch="1", sequence=1,
    )  # fmt: skip


def observed(*data: Payload, begin: int = 1) -> ObservedSteps:
    steps = ObservedSteps()
    for sequence, one in enumerate(data, begin):
        steps.add((EPOCH, sequence), one, EPOCH + 10)
    return steps


def replayed(*data: Payload, waits: list[RecordedWait] | None = None, begin: int = 1) -> ReplayResult:
    return replay(observed(*data, begin=begin), waits or [], RANKS)


def test_the_smallest_rank_is_served_first() -> None:
    found = replayed(queued(SECOND, "p"), queued(FIRST, "p"), granted(FIRST, "p"), granted(SECOND, "p"))
    assert (found.overtaken, found.hand_overs, found.judged) == ([], 2, 1)


def test_a_hand_over_past_an_earlier_rank_is_found() -> None:
    found = replayed(queued(FIRST, "p"), queued(SECOND, "p"), granted(SECOND, "p"))
    assert len(found.overtaken) == 1
    assert str(FIRST) in found.overtaken[0]


def test_a_free_place_given_past_a_waiting_child_is_found() -> None:
    assert replayed(queued(FIRST, "p"), granted(SECOND, "p", PlaceHeldV1)).overtaken


def test_a_child_who_left_the_queue_or_stands_in_another_is_not_overtaken() -> None:
    assert not replayed(queued(FIRST, "p"), withdrawn(FIRST, "p"), granted(SECOND, "p")).overtaken
    assert not replayed(queued(FIRST, "p", "q"), granted(FIRST, "q"), granted(SECOND, "p")).overtaken
    assert not replayed(queued(FIRST, "q"), granted(SECOND, "p")).overtaken


def test_after_a_gap_in_the_steps_nobody_is_known_to_wait() -> None:
    steps = observed(queued(FIRST, "p"))
    steps.add((EPOCH, 3), granted(SECOND, "p"), EPOCH + 20)
    found = replay(steps, [], RANKS)
    assert (found.overtaken, found.judged) == ([], 0)


def test_a_recorded_wait_all_through_a_rebuild_counts() -> None:
    wait = RecordedWait(str(FIRST), 1, frozenset({"p"}), since=EPOCH - 5, until=float("inf"))
    assert replayed(granted(SECOND, "p"), waits=[wait]).overtaken
    assert not replayed(granted(SECOND, "q"), waits=[wait]).overtaken


def test_a_wait_that_began_or_ended_during_a_rebuild_does_not_count() -> None:
    began = RecordedWait(str(FIRST), 1, frozenset({"p"}), since=EPOCH + 5, until=float("inf"))
    ceased = RecordedWait(str(FIRST), 1, frozenset({"p"}), since=EPOCH - 5, until=EPOCH + 5)
    assert not replayed(granted(SECOND, "p"), waits=[began]).overtaken
    assert not replayed(granted(SECOND, "p"), waits=[ceased]).overtaken


def test_a_queue_that_was_joined_after_the_rebuild_was_not_restored() -> None:
    wait = RecordedWait(str(FIRST), 1, frozenset({"p"}), since=EPOCH - 5, until=float("inf"))
    assert not replayed(granted(SECOND, "p"), queued(FIRST, "p"), waits=[wait]).overtaken


def test_a_place_beyond_the_figure_is_given_twice() -> None:
    assert replayed(granted(FIRST, "p", held=2, places=1)).twice
    assert not replayed(granted(FIRST, "p", held=2, places=2)).twice


def test_an_id_with_two_different_steps_is_named() -> None:
    steps = observed(queued(FIRST, "p"))
    steps.add((EPOCH, 1), queued(FIRST, "p"), EPOCH)
    assert not steps.contradictions
    steps.add((EPOCH, 1), queued(SECOND, "p"), EPOCH)
    assert steps.contradictions
