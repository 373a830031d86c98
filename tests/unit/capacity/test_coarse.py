"""What centers and polyclinics see of others: no change of one child alone, however quiet the hour."""

from datetime import UTC, datetime

from services.capacity.domain.coarse import coarsen
from services.contracts.claims import ProgrammeFigures
from services.contracts.vocabulary import Modality

NOW = datetime(2026, 3, 2, tzinfo=UTC)


def figures(name: str, held: int = 0, places: int = 5, waiting: int = 0) -> ProgrammeFigures:
    return ProgrammeFigures(
        programme_id=name, center_id=name, region_id="KZ-10", modality=Modality.DAY_STAY, places=places,
        confirmed_at=NOW, version=1, held=held, occupied=0, free=max(0, places - held), waiting=waiting,
    )  # fmt: skip


def country(**held: int) -> list[ProgrammeFigures]:
    return [figures(name, held.get(name, 1)) for name in "abcdefg"]


def test_one_change_is_not_published_and_enough_are_together() -> None:
    published = coarsen(None, country(), 5)
    assert coarsen(published, country(a=0, b=2), 5) == published
    assert coarsen(published, country(a=0, b=2, c=2, d=0), 5) == published
    fresh = country(a=0, b=2, c=2, d=0, e=5)
    assert list(coarsen(published, fresh, 5).values()) == fresh


def test_longer_queues_alone_show_nothing() -> None:
    """A child who waits stands in the queues of many centers at once."""
    published = coarsen(None, country(), 2)
    waiting = [one.model_copy(update={"waiting": 9}) for one in country()]
    assert coarsen(published, waiting, 2) == published


def test_the_registry_s_part_is_as_it_is_and_free_places_follow_it() -> None:
    published = coarsen(None, [figures("a", held=2), figures("b")], 5)
    shown = coarsen(published, [figures("a", held=3, places=9), figures("b"), figures("new", held=1)], 5)
    assert (shown["a"].places, shown["a"].held, shown["a"].free) == (9, 2, 7)
    assert coarsen(published, [figures("a", held=3, places=1)], 5)["a"].overcommitted == 1
    assert set(shown) == {"a", "b", "new"}
