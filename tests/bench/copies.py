"""A network of more centers than `data/` has: copies of them, as rows and at capacity at once."""

from datetime import datetime
from itertools import cycle, islice

from sqlalchemy import select, update
from sqlmodel import Session

from services.capacity.ports import Store
from services.contracts.vocabulary import Catchment
from services.kit.sql.add_rows import add_rows
from services.referral.adapters.rows import Values
from services.referral.adapters.tables import CenterRow, FigureRow, ProgrammeRow, RegistryVersionRow, table
from services.referral.bootstrap import ReferralService

PART = 200


async def add_copies(service: ReferralService, capacity: Store, count: int, now: datetime, *, elsewhere: bool) -> None:
    """Copies of the centers until there are so many, `elsewhere` for children of other regions than there are.

    The worker takes a transaction for each center that it opens.
    """
    await service.database.write(lambda session: _add_rows(session, count, elsewhere))
    names = sorted(name for name in (await service.registry.network()).programmes if name.startswith("copy-"))
    for start in range(0, len(names), PART):
        for opening in await service.registry.openings(programme_ids=names[start : start + PART]):
            await capacity.programmes.open_programme(opening, now)


def _add_rows(session: Session, count: int, elsewhere: bool) -> None:
    versions = table(RegistryVersionRow)
    centers, programmes, figures = (_all(session, one) for one in (CenterRow, ProgrammeRow, FigureRow))
    number = session.execute(select(versions.c.figures)).scalar_one()
    for at, center in enumerate(islice(cycle(centers), max(0, count - len(centers)))):
        name = f"copy-{at // len(centers)}-"
        region = {"region_id": f"copy-{at // len(centers)}"} if elsewhere else {}
        catchment = {"catchment": Catchment.REGION} if elsewhere else {}
        mine = [one for one in programmes if one["center_id"] == center["id"]]
        own = {one["id"] for one in mine}
        add_rows(session, table(CenterRow), [center | region | {"id": name + center["id"]}])
        add_rows(session, table(ProgrammeRow), [
            one | catchment | {"id": name + one["id"], "center_id": name + center["id"]} for one in mine
        ])  # fmt: skip
        add_rows(session, table(FigureRow), [
            one | {"programme_id": name + one["programme_id"], "serial": number + 1}
            for one in figures
            if one["programme_id"] in own
        ])  # fmt: skip
    session.execute(update(versions).values(version=versions.c.version + 1, figures=number + 1))


def _all(session: Session, model: type[CenterRow | ProgrammeRow | FigureRow]) -> list[Values]:
    return [dict(one._mapping) for one in session.execute(select(table(model)))]
