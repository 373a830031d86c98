"""The generation of capacity's data that the record has accepted: one row, and the fence against lost generations."""

from typing import Any

from sqlalchemy import Table, insert, select, update
from sqlmodel import Session

from services.contracts.claims import DataVersion
from services.kit.errors import Conflict
from services.referral.adapters.tables import CapacityMarkRow

marks: Table = CapacityMarkRow.__table__  # type: ignore[attr-defined]


def read_mark(session: Session) -> DataVersion | None:
    row = session.execute(select(marks.c.epoch, marks.c.sequence)).first()
    return DataVersion(epoch=row.epoch, sequence=row.sequence) if row else None


def hold_epoch(session: Session) -> str | None:
    """The epoch, which stays it until the commit. Take this lock last: whoever has it waits for no other."""
    epoch: str | None = session.execute(select(marks.c.epoch).with_for_update(read=True)).scalar()
    return epoch


def raise_mark(session: Session, mark: DataVersion | None) -> None:
    """Record how far capacity had come; it stays of this epoch until the commit.

    Raises Conflict when capacity has been rebuilt since: what a lost generation granted is nobody's any more.
    """
    if mark is None:
        return
    newer = (marks.c.epoch == mark.epoch) & (marks.c.sequence < mark.sequence)
    raised: Any = session.execute(update(marks).where(newer).values(sequence=mark.sequence))
    if raised.rowcount:
        return
    epoch = hold_epoch(session)
    if epoch is None:
        session.execute(insert(marks).values(id=1, **mark.model_dump()))
    elif epoch != mark.epoch:
        raise Conflict(f"capacity has been rebuilt since it granted this: epoch {mark.epoch}, now {epoch}")
