"""The data version of capacity that the record has accepted: one row, and the fence against lost generations."""

from typing import Any

from sqlalchemy import bindparam, insert, select, update
from sqlmodel import Session

from services.contracts.claims import DataVersion
from services.kit.errors import Conflict
from services.referral.adapters.tables import CapacityVersionRow, table

versions = table(CapacityVersionRow)
_READ = select(versions.c.epoch, versions.c.sequence)
_SAME_BEHIND = (versions.c.epoch == bindparam("same")) & (versions.c.sequence < bindparam("to"))
_RAISE = update(versions).where(_SAME_BEHIND).values(sequence=bindparam("to"))
_HELD = select(versions.c.epoch).with_for_update(read=True)
"""Built once, for each batch needs them."""


def read_version(session: Session) -> DataVersion | None:
    row = session.execute(_READ).first()
    return DataVersion(epoch=row.epoch, sequence=row.sequence) if row else None


def raise_version(session: Session, version: DataVersion | None) -> None:
    """Record how far capacity had come; the epoch stays the same until the commit.

    Raises Conflict when capacity has been rebuilt since: a grant of a lost generation is void.
    """
    if version is None:
        return
    raised: Any = session.execute(_RAISE, {"same": version.epoch, "to": version.sequence})
    if raised.rowcount:
        return
    # This lock is taken last: its holder waits for no other.
    epoch: str | None = session.execute(_HELD).scalar()
    if epoch is None:
        session.execute(insert(versions).values(id=1, **version.model_dump()))
    elif epoch != version.epoch:
        raise Conflict(f"capacity has been rebuilt since it granted this: epoch {version.epoch}, now {epoch}")
