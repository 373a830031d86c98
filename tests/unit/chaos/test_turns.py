"""The judge of turns: it sees who was overtaken, and raises no alarm where it cannot know."""

from typing import Any
from uuid import UUID, uuid4

from services.contracts.events import ClaimQueuedV1, ClaimWithdrawnV1, Payload, PlaceHandedOverV1, PlaceHeldV1
from services.contracts.vocabulary import Modality
from tests.chaos.feed import Steps
from tests.chaos.turns import Verdict, Wait, judge

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


def told(*data: Payload, begin: int = 1) -> Steps:
    steps = Steps()
    for sequence, one in enumerate(data, begin):
        steps.add((EPOCH, sequence), one, EPOCH + 10)
    return steps


def verdict(*data: Payload, waits: list[Wait] | None = None, begin: int = 1) -> Verdict:
    return judge(told(*data, begin=begin), waits or [], RANKS)


def test_who_is_first_by_rank_is_served_first() -> None:
    found = verdict(queued(SECOND, "p"), queued(FIRST, "p"), granted(FIRST, "p"), granted(SECOND, "p"))
    assert (found.overtaken, found.hand_overs, found.judged) == ([], 2, 1)


def test_a_hand_over_past_an_earlier_rank_is_found() -> None:
    found = verdict(queued(FIRST, "p"), queued(SECOND, "p"), granted(SECOND, "p"))
    assert len(found.overtaken) == 1
    assert str(FIRST) in found.overtaken[0]


def test_a_free_place_taken_past_somebody_who_waits_is_found() -> None:
    assert verdict(queued(FIRST, "p"), granted(SECOND, "p", PlaceHeldV1)).overtaken


def test_who_has_left_the_queue_or_stands_in_another_is_not_overtaken() -> None:
    assert not verdict(queued(FIRST, "p"), withdrawn(FIRST, "p"), granted(SECOND, "p")).overtaken
    assert not verdict(queued(FIRST, "p", "q"), granted(FIRST, "q"), granted(SECOND, "p")).overtaken
    assert not verdict(queued(FIRST, "q"), granted(SECOND, "p")).overtaken


def test_after_a_gap_in_the_steps_nobody_is_known_to_wait() -> None:
    steps = told(queued(FIRST, "p"))
    steps.add((EPOCH, 3), granted(SECOND, "p"), EPOCH + 20)
    found = judge(steps, [], RANKS)
    assert (found.overtaken, found.judged) == ([], 0)


def test_who_waited_by_the_record_all_through_a_rebuild_is_known_to_wait() -> None:
    wait = Wait(str(FIRST), 1, frozenset({"p"}), since=EPOCH - 5, until=float("inf"))
    assert verdict(granted(SECOND, "p"), waits=[wait]).overtaken
    assert not verdict(granted(SECOND, "q"), waits=[wait]).overtaken


def test_who_began_or_ceased_to_wait_during_a_rebuild_is_not_known_to_wait() -> None:
    began = Wait(str(FIRST), 1, frozenset({"p"}), since=EPOCH + 5, until=float("inf"))
    ceased = Wait(str(FIRST), 1, frozenset({"p"}), since=EPOCH - 5, until=EPOCH + 5)
    assert not verdict(granted(SECOND, "p"), waits=[began]).overtaken
    assert not verdict(granted(SECOND, "p"), waits=[ceased]).overtaken


def test_a_queue_that_was_joined_after_the_rebuild_was_not_restored() -> None:
    wait = Wait(str(FIRST), 1, frozenset({"p"}), since=EPOCH - 5, until=float("inf"))
    assert not verdict(granted(SECOND, "p"), queued(FIRST, "p"), waits=[wait]).overtaken


def test_a_place_more_than_there_are_is_given_twice() -> None:
    assert verdict(granted(FIRST, "p", held=2, places=1)).twice
    assert not verdict(granted(FIRST, "p", held=2, places=2)).twice


def test_one_id_with_two_meanings_is_named() -> None:
    steps = told(queued(FIRST, "p"))
    steps.add((EPOCH, 1), queued(FIRST, "p"), EPOCH)
    assert not steps.contradicted
    steps.add((EPOCH, 1), queued(SECOND, "p"), EPOCH)
    assert steps.contradicted
