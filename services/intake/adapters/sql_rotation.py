"""Making anew, child by child, what older keys have made, in small transactions; a killed process's work goes on."""

import time
from dataclasses import dataclass
from functools import partial
from typing import Any
from uuid import UUID

import structlog
from sqlalchemy import ColumnElement, exists, func, or_, select, update
from sqlmodel import Session

from services.contracts.submissions import DiagnosisSubmission
from services.intake.adapters.aes_vault import FORM, Unreadable
from services.intake.adapters.sql_keys import SqlKeys, in_use, old_form, stored
from services.intake.adapters.tables import child_keys, children, corrected_data, diagnoses, key_versions
from services.intake.domain.keys import Active, Purpose
from services.intake.handlers.drafts import likenesses
from services.intake.handlers.vault import ChildKey
from services.kit.sql.database import Database

log = structlog.get_logger()
CHILDREN = 50
"""Of one transaction."""
SECONDS = 1.0
"""How long one call works."""


@dataclass(frozen=True, slots=True)
class KeyUse:
    """A known version of a kind of key, and how much was made by it."""

    purpose: str
    version: int
    configured: bool
    active: bool
    uses: int


@dataclass(frozen=True, slots=True)
class Status:
    """The known keys; of `children`, which are not erased, so many are `left` to be made anew."""

    keys: list[KeyUse]
    children: int
    left: int


@dataclass(frozen=True, slots=True)
class Rotated:
    """So many children were made anew; `complete` when a look at all of them has found none."""

    children: int
    complete: bool


class SqlRotation:
    """Rotation on the tables of intake, by the keys of this process."""

    def __init__(self, database: Database, keys: SqlKeys) -> None:
        self._database, self._keys = database, keys
        self._after: UUID | None = None

    async def status(self) -> Status:
        await self._keys.ready()
        return await self._database.read(self._status)

    async def rotate(self) -> Rotated:
        """Make the newest keys active, and work for a second; to be called until it is complete."""
        await self._keys.ready()
        await self._database.write(self._keys.activate_newest)
        give_up, after, done = time.monotonic() + SECONDS, self._after, 0
        from_the_first = after is None
        while time.monotonic() < give_up:
            renewed, after = await self._database.write(partial(self._some, after))
            done += renewed
            if after is None:
                break
        self._after = after
        complete = after is None and from_the_first and not done
        log.info("keys.rotated", children=done, complete=complete)
        return Rotated(done, complete)

    def _status(self, session: Session) -> Status:
        rows = session.execute(select(key_versions).order_by(key_versions.c.purpose, key_versions.c.version)).all()
        active = Active(**{row.purpose: row.version for row in rows if row.active})
        keys = [
            KeyUse(
                row.purpose, row.version, (row.purpose, row.version) in self._keys.vault.checks, row.active,
                sum(_count(session, one) for one in in_use(row.purpose, row.version)),
            )
            for row in rows
        ]  # fmt: skip
        return Status(keys, _count(session, children.c.erased_at.is_(None)), _count(session, _is_left(active)))

    def _some(self, after: UUID | None, session: Session) -> tuple[int, UUID | None]:
        """How many of the next children were made anew, and the last one's id."""
        active = self._keys.require(session)
        query = select(children.c.child_id).where(_is_left(active))
        if after is not None:
            query = query.where(children.c.child_id > after)
        ids = session.execute(query.order_by(children.c.child_id).limit(CHILDREN)).scalars().all()
        # The child first, as every writer of several rows does.
        locked = select(children).where(children.c.child_id.in_(ids), children.c.erased_at.is_(None)).with_for_update()
        for child in session.execute(locked.order_by(children.c.child_id)).all():
            try:
                self._renew(session, child, active)
            except Unreadable as error:  # the others go on, and what is left is in the status
                log.error("keys.not_renewed", reason=str(error))
        failed = _count(session, children.c.child_id.in_(ids) & _is_left(active))
        return len(ids) - failed, ids[-1] if ids else None

    def _renew(self, session: Session, child: Any, active: Active) -> None:
        key = self._renewed_key(session, child.child_id, active)
        theirs = diagnoses.c.child_id == child.child_id
        rows = session.execute(select(diagnoses).where(theirs).with_for_update()).all()
        submissions = {row.referral_id: self._renew_diagnosis(session, key, row, active) for row in rows}
        for row in session.execute(select(corrected_data).where(corrected_data.c.child_id == child.child_id)).all():
            sealed = {name: _sealed_anew(key, row.referral_id, getattr(row, name)) for name in _PAIR}
            mine = corrected_data.c.sequence == row.sequence
            session.execute(update(corrected_data).where(mine).values(sealed))
        if child.iin_index is not None and child.index_version != active.index:
            self._renew_index(session, child, active, {one.child.iin for one in submissions.values() if one.child.iin})

    def _renewed_key(self, session: Session, child_id: UUID, active: Active) -> ChildKey:
        self._keys.add_missing(session, child_id)
        mine = child_keys.c.child_id == child_id
        row = session.execute(select(child_keys).where(mine).with_for_update()).one()
        if row.key_version == active.data:
            return self._keys.vault.key_of(child_id, row.key_version, row.wrapped)
        key = self._keys.vault.rewrapped(child_id, row.key_version, row.wrapped)
        session.execute(update(child_keys).where(mine).values(stored(key)))
        return key

    def _renew_diagnosis(self, session: Session, key: ChildKey, row: Any, active: Active) -> DiagnosisSubmission:
        plain = key.open(Purpose.SUBMISSION, row.referral_id, row.sealed)
        submission = DiagnosisSubmission.model_validate_json(plain)
        values: dict[str, Any] = {"sealed": _sealed_anew(key, row.referral_id, row.sealed)}
        if row.open_likeness is not None:
            digest = likenesses(self._keys.vault, submission)[active.pseudonym]
            values |= {"open_likeness": digest, "likeness_version": active.pseudonym}
        session.execute(update(diagnoses).where(diagnoses.c.referral_id == row.referral_id).values(values))
        return submission

    def _renew_index(self, session: Session, child: Any, active: Active, iins: set[str]) -> None:
        for digests in map(self._keys.vault.indexes, iins):
            if digests.get(child.index_version) == child.iin_index:
                new, mine = digests[active.index], children.c.child_id == child.child_id
                session.execute(update(children).where(mine).values(iin_index=new, index_version=active.index))
                open_one = diagnoses.c.open_iin == child.iin_index
                session.execute(update(diagnoses).where(open_one).values(open_iin=new))
                return
        log.error("keys.not_renewed", reason=f"child {child.child_id}: no submission has the IIN of its index")


_PAIR = ("sealed_before", "sealed_after")


def _sealed_anew(key: ChildKey, referral_id: UUID, sealed: bytes) -> bytes:
    """By the child's key, when it was sealed before children had keys; else as it is."""
    if sealed.startswith(FORM):
        return sealed
    return key.seal(Purpose.SUBMISSION, referral_id, key.open(Purpose.SUBMISSION, referral_id, sealed))


def _is_left(active: Active) -> ColumnElement[bool]:
    """Whether something of a child was made by a key that is not the active one."""
    of_child = (
        exists().where(child_keys.c.child_id == children.c.child_id, child_keys.c.key_version != active.data),
        exists().where(
            diagnoses.c.child_id == children.c.child_id,
            (diagnoses.c.open_likeness.is_not(None) & (diagnoses.c.likeness_version != active.pseudonym))
            | old_form(diagnoses.c.sealed),
        ),
        exists().where(
            corrected_data.c.child_id == children.c.child_id, or_(*(old_form(corrected_data.c[name]) for name in _PAIR))
        ),
    )
    index = children.c.iin_index.is_not(None) & (children.c.index_version != active.index)
    return children.c.erased_at.is_(None) & or_(index, *of_child)


def _count(session: Session, rows: ColumnElement[bool]) -> int:
    return int(session.execute(select(func.count()).where(rows)).scalar_one())
