"""The database's word on keys: which are known, which are active, and whether this process has the same ones."""

from collections.abc import Mapping, Sequence
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, exists, func, insert, literal, or_, select, update
from sqlalchemy.exc import IntegrityError
from sqlmodel import Session

from services.contracts.submissions import DiagnosisSubmission
from services.intake.adapters.aes_vault import FORM, AesVault, Unreadable
from services.intake.adapters.tables import answered, child_keys, children, corrected_data, diagnoses, key_versions
from services.intake.domain.keys import UNVERSIONED, Active, KeyPurpose, Purpose
from services.intake.handlers.vault import ChildKey
from services.kit.errors import TransientError
from services.kit.sql.database import Database, without_effect

KEY_COLUMNS = (child_keys.c.key_version, child_keys.c.wrapped)
SEALED = (diagnoses.c.sealed, corrected_data.c.sealed_before, corrected_data.c.sealed_after)
"""The columns with what children's keys have sealed."""
_LOCK = 0x6A_6F_6C_03
"""PostgreSQL's advisory lock: shared by what is written under the active versions, exclusive to make others active."""
_WRONG = "is not the key by which the database was written"
_ACTIVE = "SELECT purpose, version, check_value FROM key_version WHERE active"
"""As text: it is read in every transaction."""
_OLDEST, _NEWEST = (
    select(diagnoses, children.c.iin_index, *KEY_COLUMNS)
    .join(children)
    .outerjoin(child_keys, child_keys.c.child_id == diagnoses.c.child_id)
    .order_by(order)
    .limit(1)
    for order in (diagnoses.c.submitted_at, diagnoses.c.submitted_at.desc())
)


class KeysRefused(TransientError):
    """The keys of this process are not those of the database: nothing is read or taken until they are."""


class SqlKeys:
    """The table of key versions, and the vault whose keys are compared with it."""

    def __init__(self, database: Database, vault: AesVault) -> None:
        self._database, self.vault, self._is_ready = database, vault, False

    async def ready(self) -> None:
        """Raises KeysRefused while this process lacks a key that is needed, or has a wrong one."""
        if not self._is_ready:
            await self.check()

    async def check(self) -> None:
        """A readiness check, as `ready`; new versions of keys are made known by it."""
        try:
            await self._database.write(self._check)
        except KeysRefused:
            self._is_ready = False
            raise
        except IntegrityError as error:
            raise KeysRefused("keys: another process made new ones known at this moment") from error
        self._is_ready = True

    def require(self, session: Session) -> Active:
        """The active versions, which stay so until the commit. Raises KeysRefused when this process lacks one."""
        self._lock(session, "pg_advisory_xact_lock_shared")
        return self._activated(session)

    def activate_newest(self, session: Session) -> Active:
        """Make the newest keys of this process the active ones. Raises KeysRefused when it lacks one that is in use."""
        self._lock(session, "pg_advisory_xact_lock")
        self._check(session)
        for purpose in KeyPurpose:
            ours, rows = self.vault.newest(purpose), key_versions.c.purpose == purpose.value
            if ours > getattr(self.vault.active, purpose.value):
                session.execute(update(key_versions).where(rows).values(active=key_versions.c.version == ours))
        return self._activated(session)

    def add_missing(self, session: Session, *child_ids: UUID | None) -> None:
        """Give keys to those of the children that were recorded before children had any."""
        wanted = [one for one in child_ids if one is not None]
        of = select(children.c.child_id).where(children.c.child_id.in_(wanted), children.c.erased_at.is_(None))
        without = of.where(~exists().where(child_keys.c.child_id == children.c.child_id))
        for child_id in session.execute(without).scalars().all():
            session.execute(insert(child_keys).values(stored(self.vault.new_key(child_id))))

    def _lock(self, session: Session, function: str) -> None:
        if not self._database.is_sqlite:  # which has one writer
            _execute(session, f"SELECT {function}({_LOCK})")

    def _activated(self, session: Session) -> Active:
        rows = {purpose: (version, bytes(value)) for purpose, version, value in _execute(session, _ACTIVE)}
        for purpose in KeyPurpose:
            if purpose not in rows:
                raise KeysRefused("keys: none is known to the database yet")
            version, value = rows[purpose]
            if (ours := self.vault.checks.get((purpose, version))) != value:
                raise KeysRefused(_refusal(purpose, version, _WRONG if ours else "is not configured"))
        self.vault.active = active = Active(*(rows[one][0] for one in KeyPurpose))
        return active

    def _check(self, session: Session) -> None:
        without_effect(session)  # of the request under way, if there is one
        rows = session.execute(select(key_versions)).all()
        known = {(KeyPurpose(row.purpose), row.version): row.check_value for row in rows}
        for key, value in known.items():
            if key in self.vault.checks and self.vault.checks[key] != value:
                raise KeysRefused(_refusal(*key, _WRONG))
        first = self._first(session) if not known else {}
        for key in self.vault.checks.keys() - known.keys():
            row = {"purpose": key[0].value, "version": key[1], "check_value": self.vault.checks[key]}
            session.execute(insert(key_versions).values(row | {"active": first.get(key[0]) == key[1]}))
        if not self._is_ready:
            self._nothing_is_lacking(session, known)
        self._activated(session)

    def _first(self, session: Session) -> Mapping[KeyPurpose, int]:
        """The first active versions: the newest ones, or where children are recorded already those of before."""
        found = [row for query in (_OLDEST, _NEWEST) if (row := session.execute(query).first())]
        for row in found:
            self._opens(row)
        return {one: UNVERSIONED if found else self.vault.newest(one) for one in KeyPurpose}

    def _opens(self, row: Any) -> None:
        try:
            plain = self.vault.key_of(row.child_id, None, None).open(Purpose.SUBMISSION, row.referral_id, row.sealed)
        except Unreadable:
            raise KeysRefused("JOLDAMA_INTAKE_DATA_KEY does not open what the database has") from None
        iin = DiagnosisSubmission.model_validate_json(plain).child.iin
        if iin and row.iin_index and self.vault.indexes(iin).get(UNVERSIONED) != row.iin_index:
            raise KeysRefused("JOLDAMA_INTAKE_DATA_KEY, or the oldest old one, does not make the indexes there are")

    def _nothing_is_lacking(self, session: Session, known: Mapping[tuple[KeyPurpose, int], bytes]) -> None:
        for purpose, version in known.keys() - self.vault.checks.keys():
            if session.execute(select(or_(*(exists().where(one) for one in in_use(purpose, version))))).scalar():
                raise KeysRefused(_refusal(purpose, version, "is not configured, and still in use"))
        for column in SEALED:
            start = func.substr(column, 1, len(FORM))
            others = session.execute(select(start).where(old_form(column)).distinct()).scalars()
            if any(bytes(one) not in self.vault.unversioned for one in others):
                raise KeysRefused("JOLDAMA_INTAKE_DATA_KEY, or an old one, is not configured, and still in use")


def _execute(session: Session, statement: str) -> Sequence[Any]:
    return session.connection().exec_driver_sql(statement).all()


def stored(key: ChildKey) -> dict[str, Any]:
    """A child's key as a row."""
    return {"child_id": key.child_id, "key_version": key.version, "wrapped": key.wrapped}


def in_use(purpose: KeyPurpose, version: int) -> tuple[ColumnElement[bool], ...]:
    """The rows of each table that were made by that key."""
    return {
        KeyPurpose.DATA: (child_keys.c.key_version == version,),
        KeyPurpose.INDEX: (children.c.iin_index.is_not(None) & (children.c.index_version == version),),
        KeyPurpose.PSEUDONYM: (
            diagnoses.c.open_likeness.is_not(None) & (diagnoses.c.likeness_version == version),
            answered.c.key_version == version,
        ),
    }[purpose]


def old_form(column: Any) -> ColumnElement[bool]:
    """Whether something is sealed as it was before children had keys of their own."""
    return (func.length(column) > 0) & (func.substr(column, 1, len(FORM)) != literal(FORM))


def _refusal(purpose: KeyPurpose, version: int, why: str) -> str:
    name = f"JOLDAMA_INTAKE_{purpose.upper()}_KEYS: version {version}" if version else "JOLDAMA_INTAKE_DATA_KEY"
    return f"{name} {why}"
