"""Intake's tables. Times are epoch milliseconds; personal data is sealed, hashed or absent."""

from uuid import UUID

from sqlalchemy import BigInteger, Index, Integer, LargeBinary, MetaData, false
from sqlalchemy.orm import registry
from sqlmodel import Field, SQLModel

from services.kit.sql.audit_log import audit_log_table
from services.kit.sql.lease import lease_table
from services.kit.sql.outbox import Outbox
from services.kit.sql.sweeps import Sweeps

metadata = MetaData()


class _Table(SQLModel, registry=registry(metadata=metadata)):
    """Every table of this service, on metadata of its own."""


class Child(_Table, table=True):
    """A child's pseudonymous id. A newborn without an IIN has no index."""

    child_id: UUID = Field(primary_key=True)
    iin_index: bytes | None = Field(None, sa_type=LargeBinary, unique=True)
    index_version: int = Field(0, sa_column_kwargs={"server_default": "0"})
    """The version of the index key by which `iin_index` was made."""
    created_at: int = Field(sa_type=BigInteger)
    version: int = Field(1, sa_column_kwargs={"server_default": "1"})
    """Counts the corrections of the child's data."""
    joined_into: UUID | None = None
    """The child that this one turned out to be, which has all of its diagnoses."""
    erased_at: int | None = Field(None, sa_type=BigInteger)
    """Its key was destroyed then, and nothing that was sealed by it opens again."""


class StoredKey(_Table, table=True):
    """A child's own key, wrapped by the data key of that version. All of the child's data is sealed by it."""

    __tablename__ = "child_key"

    child_id: UUID = Field(primary_key=True)
    key_version: int
    wrapped: bytes = Field(sa_type=LargeBinary)


class KeyVersion(_Table, table=True):
    """The known keys by what each makes of its version, so that a wrong one is noticed. One of a kind is active."""

    __tablename__ = "key_version"

    purpose: str = Field(max_length=16, primary_key=True)
    version: int = Field(primary_key=True, sa_column_kwargs={"autoincrement": False})
    check_value: bytes = Field(sa_type=LargeBinary)
    active: bool


class Diagnosis(_Table, table=True):
    """A submission. `open_iin` is the child's index while the referral is open, so that a child has one at a time.

    That it is over is found when another submission meets it: then `open_iin` and `open_likeness` go.
    """

    referral_id: UUID = Field(primary_key=True)
    child_id: UUID = Field(foreign_key="child.child_id", index=True)
    polyclinic_id: str = Field(max_length=64)
    submitted_at: int = Field(sa_type=BigInteger)
    priority: str = Field(max_length=16)
    open_iin: bytes | None = Field(None, sa_type=LargeBinary, unique=True)
    open_likeness: bytes | None = Field(None, sa_type=LargeBinary, index=True)
    """While the referral is open: a keyed digest of birth date, sex and guardian's phone."""
    likeness_version: int = Field(0, sa_column_kwargs={"server_default": "0"})
    """The version of the pseudonym key by which it was made."""
    ended_by_join: bool = Field(False, sa_column_kwargs={"server_default": false()})
    """Another open referral of the child stays, as far as is known: this one counts as closed."""
    sealed: bytes = Field(sa_type=LargeBinary)
    version: int = Field(1, sa_column_kwargs={"server_default": "1"})
    """Counts the corrections, the last of which was at `changed_at`."""
    changed_at: int | None = Field(None, sa_type=BigInteger)


class Answered(_Table, table=True):
    """The first answer to an idempotency key; `key_digest` is a digest of polyclinic and key."""

    key_digest: bytes = Field(sa_type=LargeBinary, primary_key=True)
    body_digest: bytes = Field(sa_type=LargeBinary)
    status: int
    referral_id: UUID
    answered_at: int = Field(sa_type=BigInteger, index=True)
    key_version: int = Field(0, sa_column_kwargs={"server_default": "0"})
    """The version of the pseudonym key of both digests."""


class CorrectedData(_Table, table=True):
    """A submission before and after a correction, sealed. By whom is the audit log's entry of that moment.

    Not in the audit log: what is append-only could not be sealed anew, or erased.
    """

    __tablename__ = "corrected_data"

    sequence: int | None = Field(None, primary_key=True, sa_type=BigInteger().with_variant(Integer, "sqlite"))
    corrected_at: int = Field(sa_type=BigInteger)
    child_id: UUID = Field(index=True)
    referral_id: UUID
    sealed_before: bytes = Field(sa_type=LargeBinary)
    sealed_after: bytes = Field(sa_type=LargeBinary)


class ConsentWithdrawal(_Table, table=True):
    """The consent to a referral was withdrawn. What was consented to is in the sealed submission."""

    __tablename__ = "consent_withdrawal"

    referral_id: UUID = Field(primary_key=True)
    child_id: UUID = Field(index=True)
    withdrawn_at: int = Field(sa_type=BigInteger)


class SealedNote(_Table, table=True):
    """Own words of who acted on a referral, sealed by the key of the child that it was of then."""

    __tablename__ = "note"

    note_id: UUID = Field(primary_key=True)
    referral_id: UUID = Field(index=True)
    child_id: UUID = Field(index=True)
    role: str = Field(max_length=20)
    org: str = Field(max_length=64)
    author: str = Field(max_length=120)
    written_at: int = Field(sa_type=BigInteger)
    sealed: bytes = Field(sa_type=LargeBinary)


class TransferRequest(_Table, table=True):
    """A polyclinic asks the one that has a referral for it."""

    __tablename__ = "transfer"

    transfer_id: UUID = Field(primary_key=True)
    referral_id: UUID = Field(index=True)
    child_id: UUID
    holder: str = Field(max_length=64, index=True)
    to_polyclinic: str = Field(max_length=64, index=True)
    asked_at: int = Field(sa_type=BigInteger)
    answer_by: int = Field(sa_type=BigInteger)
    state: str = Field(max_length=16)
    decided_at: int | None = Field(None, sa_type=BigInteger)
    decided_by: str | None = Field(None, max_length=120)


class Audit(_Table, table=True):
    """Reads and corrections of an earlier release, which had no `audit_log`. Append-only."""

    sequence: int | None = Field(None, primary_key=True, sa_type=BigInteger().with_variant(Integer, "sqlite"))
    read_at: int = Field(sa_type=BigInteger)
    subject: str = Field(max_length=200)
    role: str = Field(max_length=16)
    org: str = Field(max_length=64)
    action: str = Field(max_length=32)
    child_id: UUID
    referral_id: UUID

    __table_args__ = (Index("ix_audit_child_id_read_at", "child_id", "read_at"),)


# Core tables: an ORM unit of work would cost more than all the rest of a batch.
children, diagnoses, answered = (metadata.tables[name] for name in ("child", "diagnosis", "answered"))
child_keys, key_versions, corrected_data = (
    metadata.tables[name] for name in ("child_key", "key_version", "corrected_data")
)
withdrawals = metadata.tables["consent_withdrawal"]
transfers = metadata.tables["transfer"]
notes = metadata.tables["note"]
audit_log = audit_log_table(metadata, "child_id", "referral_id")
outbox = Outbox(metadata)
leases = lease_table(metadata)
sweeps = Sweeps(metadata)
