"""Which programmes a list shows: a pure choice over one snapshot."""

from collections.abc import Iterable
from dataclasses import dataclass

from services.contracts.claims import ProgrammeFigures
from services.contracts.vocabulary import Modality


@dataclass(frozen=True, slots=True)
class Wanted:
    """What a reader asks for; None leaves all in. `free` is the least number of free places."""

    region_id: str | None = None
    modality: Modality | None = None
    free: int | None = None
    center_id: str | None = None

    def takes(self, one: ProgrammeFigures) -> bool:
        return (
            self.region_id in (None, one.region_id)
            and self.modality in (None, one.modality)
            and self.center_id in (None, one.center_id)
            and (self.free is None or one.free >= self.free)
        )


def show_capacity(
    figures: Iterable[ProgrammeFigures], wanted: Wanted, after: str, limit: int
) -> tuple[list[ProgrammeFigures], bool]:
    """Up to `limit` programmes behind the id `after`, by id, and whether there are more."""
    found = [one for one in figures if one.programme_id > after and wanted.takes(one)]
    return found[:limit], len(found) > limit
