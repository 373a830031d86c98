"""Centers and programmes by id, kept until the registry's version moves on."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from sqlmodel import Session, col, select

from services.referral.adapters.tables import CenterRow, ProgrammeRow, RegistryVersionRow

_version: Any = select(RegistryVersionRow.version).where(RegistryVersionRow.id == 1)


@dataclass(frozen=True, slots=True)
class CenterView:
    """A center with its open programmes."""

    center: CenterRow
    programmes: Sequence[ProgrammeRow]


@dataclass(frozen=True, eq=False)
class Directory:
    """The registry at a version: centers in the order of their ids, and all programmes, closed ones too."""

    version: int
    centers: Mapping[str, CenterRow]
    programmes: Mapping[str, ProgrammeRow]
    views: Mapping[str, CenterView]
    pages: dict[Any, bytes] = field(default_factory=dict)
    """As they were written, by what was asked; they go with the version."""

    def listed(self, region_id: str | None, after: str | None, limit: int) -> Sequence[CenterView]:
        """Up to `limit` centers behind the id `after`, by id."""
        found = (one for id, one in self.views.items() if id > (after or ""))
        return [one for one in found if region_id in (None, one.center.region_id)][:limit]


class Directories:
    """The directory of a session's snapshot: one look at the version, and nothing else while it stays."""

    def __init__(self) -> None:
        self._latest = Directory(-1, {}, {}, {})

    def of(self, session: Session) -> Directory:
        version, latest = session.connection().scalar(_version) or 0, self._latest
        if version == latest.version:
            return latest
        found = _read(session, version)
        self._latest = found
        return found


def _read(session: Session, version: int) -> Directory:
    centers = {one.id: one for one in session.scalars(select(CenterRow).order_by(col(CenterRow.id)))}
    programmes = {one.id: one for one in session.scalars(select(ProgrammeRow).order_by(col(ProgrammeRow.id)))}
    session.expunge_all()
    open_ones = defaultdict[str, list[ProgrammeRow]](list)
    for one in programmes.values():
        if not one.closed:
            open_ones[one.center_id].append(one)
    views = {id: CenterView(one, open_ones[id]) for id, one in centers.items()}
    return Directory(version, centers, programmes, views)
