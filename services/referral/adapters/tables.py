"""The referral service's tables: the registry of centers, and the record of referrals."""

from datetime import date, datetime
from typing import Any

from sqlalchemy import BigInteger, Column, Index, Table, Text, text
from sqlalchemy.orm import registry
from sqlmodel import Field, SQLModel

from services.contracts.vocabulary import ReferralState
from services.kit.dead_letters.dead_letter import dead_letter_table
from services.kit.kafka.checkpoints import Checkpoints
from services.kit.sql.audit_log import audit_log_table
from services.kit.sql.columns import Instant
from services.kit.sql.inbox import Inbox
from services.kit.sql.lease import lease_table
from services.kit.sql.outbox import Outbox
from services.kit.sql.sweeps import Sweeps


class Base(SQLModel, registry=registry()):
    """Every table of this service, on metadata of its own."""


def _moment(nullable: bool = False) -> Column[datetime]:
    return Column(Instant, nullable=nullable)


def _where(condition: str) -> dict[str, Any]:
    """An index of those rows only."""
    return {"sqlite_where": text(condition), "postgresql_where": text(condition)}


class CenterRow(Base, table=True):
    __tablename__ = "centers"

    id: str = Field(primary_key=True, max_length=64)
    region_id: str = Field(max_length=10, index=True)
    settlement_id: str = Field(max_length=20)
    name_kk: str = Field(max_length=300)
    name_ru: str = Field(max_length=300)
    name_en: str = Field(max_length=300)
    latitude: float
    longitude: float
    phone: str | None = Field(None, max_length=40)
    address: str | None = Field(None, max_length=300)
    version: int
    opened: int = 0
    """The version whose programmes the worker has opened at capacity, joined by the waiting children."""


class ProgrammeRow(Base, table=True):
    __tablename__ = "programmes"

    id: str = Field(primary_key=True, max_length=64)
    center_id: str = Field(foreign_key="centers.id", index=True, max_length=64)
    modality: str = Field(max_length=20)
    age_from_months: int
    age_under_months: int
    icd10_prefixes: str = Field(max_length=2000, description="Separated by ;")
    catchment: str = Field(max_length=20)
    course_days: int
    closed: bool = False


class FigureRow(Base, table=True):
    """A programme's figure. `serial` is the registry's count of figures when it was set."""

    __tablename__ = "figures"

    programme_id: str = Field(primary_key=True, foreign_key="programmes.id", max_length=64)
    places: int
    suspended: bool
    confirmed_at: datetime = Field(sa_column=_moment())
    confirmed_by: str = Field(max_length=120)
    version: int
    serial: int = Field(index=True)


class RegistryVersionRow(Base, table=True):
    """One row: counts the changes of centers and programmes, and those of figures."""

    __tablename__ = "registry_version"

    id: int = Field(primary_key=True)
    version: int
    figures: int


class CapacityVersionRow(Base, table=True):
    """One row: the newest data version of capacity that this record has seen."""

    __tablename__ = "capacity_version"

    id: int = Field(primary_key=True)
    epoch: str = Field(max_length=64)
    sequence: int = Field(sa_type=BigInteger)


LOST = (
    "state NOT IN ('completed', 'cancelled') AND (deadline_at IS NULL OR due_at IS NULL"
    " OR (center_id IS NULL AND state IN ('offered', 'accepted', 'admitted')))"
)
"""Open without an owner or a deadline: always none. Its index is empty, so that counting costs nothing."""


class ReferralRow(Base, table=True):
    __tablename__ = "referrals"
    __table_args__ = (
        Index("ix_referrals_state", "state", "id"),
        Index("ix_referrals_center", "center_id", "state", "id"),
        Index("ix_referrals_polyclinic", "polyclinic_id", "id"),
        Index("ix_referrals_due", "due_at", "id", **_where("due_at IS NOT NULL")),
        Index("ix_referrals_escalated", "escalated_at", "id", **_where("escalated_at IS NOT NULL")),
        Index("ix_referrals_number", "number"),
        Index("ix_referrals_lost", "id", **_where(LOST)),
        Index("ix_referrals_submitted_by", "submitted_by", **_where("submitted_by IS NOT NULL")),
    )

    id: str = Field(primary_key=True, max_length=36)
    child_id: str = Field(max_length=36, index=True)
    polyclinic_id: str = Field(max_length=64)
    age_months: int
    settlement_id: str = Field(max_length=20)
    region_id: str = Field(max_length=10)
    icd10: str = Field(max_length=8)
    gmfcs: str | None = Field(None, max_length=3)
    modalities: str = Field(max_length=60, description="Separated by ;")
    max_distance_km: float | None = None
    priority: str = Field(max_length=10)
    submitted_at: datetime = Field(sa_column=_moment())
    birth_day: int | None = None
    rank: int = Field(sa_type=BigInteger)
    state: str = Field(max_length=20, default=ReferralState.SUBMITTED)
    version: int
    attempt: int
    center_id: str | None = Field(None, max_length=64)
    programme_id: str | None = Field(None, max_length=64)
    deadline_at: datetime | None = Field(None, sa_column=_moment(nullable=True))
    due_at: datetime | None = Field(None, sa_column=_moment(nullable=True))
    """When the sweep acts next: a reminder before `deadline_at`, or what follows it."""
    admit_on: date | None = None
    admitted_at: datetime | None = Field(None, sa_column=_moment(nullable=True))
    escalated_at: datetime | None = Field(None, sa_column=_moment(nullable=True))
    escalation: str | None = Field(None, max_length=40)
    changed_at: datetime | None = Field(None, sa_column=_moment(nullable=True))
    """When its polyclinic last corrected the data; `diagnosis_version` is that of the data at intake."""
    diagnosis_version: int = Field(1, sa_column_kwargs={"server_default": "1"})
    submitted_by: str | None = Field(None, max_length=120)
    """The actor, as the history names those of later steps."""
    number: str | None = Field(None, max_length=6)
    """By which people name it; the end of its id, so that several may have the same."""


class OfferRow(Base, table=True):
    __tablename__ = "offers"
    __table_args__ = (
        Index("ix_offers_center", "center_id", "referral_id"),
        Index("ix_offers_passed_over", "center_id", **_where("passed_over_until IS NOT NULL")),
    )

    referral_id: str = Field(primary_key=True, foreign_key="referrals.id", max_length=36)
    attempt: int = Field(primary_key=True)
    center_id: str = Field(max_length=64)
    programme_id: str = Field(max_length=64)
    kilometers: float
    state: str = Field(max_length=20)
    made_at: datetime = Field(sa_column=_moment())
    answer_by: datetime = Field(sa_column=_moment())
    """The deadline that this offer had; the referral's `deadline_at` moves on with its state."""
    reason: str | None = Field(None, max_length=40)
    seen_at: datetime | None = Field(None, sa_column=_moment(nullable=True))
    answered_at: datetime | None = Field(None, sa_column=_moment(nullable=True))
    passed_over_until: datetime | None = Field(None, sa_column=_moment(nullable=True))
    """After an expiry; the center's next answer, or `offer-again`, makes it null."""


class ExclusionsRow(Base, table=True):
    """The programmes that exclude a kind of child, by reason, as JSON: once for all decisions. Never rewritten."""

    __tablename__ = "exclusions"

    digest: str = Field(primary_key=True, max_length=32)
    excluded: str = Field(sa_column=Column(Text, nullable=False))


class DecisionRow(Base, table=True):
    """Why this center: the candidates in order and the exclusions by reason, as JSON. Never rewritten.

    `excluded` has those of this child; what `common` names is excluded as well, unless this decision names it itself.
    """

    __tablename__ = "decisions"

    referral_id: str = Field(primary_key=True, foreign_key="referrals.id", max_length=36)
    attempt: int = Field(primary_key=True)
    at: datetime = Field(sa_column=_moment())
    registry_version: int
    candidates: str = Field(sa_column=Column(Text, nullable=False))
    excluded: str = Field(sa_column=Column(Text, nullable=False))
    common: str | None = Field(None, max_length=32)
    """A row of `exclusions`; None where `excluded` has all of them, as in decisions of earlier releases."""


class QueueEntryRow(Base, table=True):
    """A child stood in a programme's queue under this attempt; does so while it is the referral's and waiting."""

    __tablename__ = "queue_entries"
    __table_args__ = (Index("ix_queue_entries_programme", "programme_id", "referral_id"),)

    referral_id: str = Field(primary_key=True, foreign_key="referrals.id", max_length=36)
    attempt: int = Field(primary_key=True)
    programme_id: str = Field(primary_key=True, max_length=64)
    since: datetime = Field(sa_column=_moment())
    reason: str = Field(max_length=10, description="decided, or opened while the child waited")


BY_PEOPLE = "actor <> 'router'"
"""Of the history; few steps of the network by itself are not the router's."""


class HistoryRow(Base, table=True):
    __tablename__ = "history"
    __table_args__ = (Index("ix_history_actor", "actor", "referral_id", **_where(BY_PEOPLE)),)

    referral_id: str = Field(primary_key=True, foreign_key="referrals.id", max_length=36)
    version: int = Field(primary_key=True)
    at: datetime = Field(sa_column=_moment())
    actor: str = Field(max_length=120)
    command: str = Field(max_length=20)
    from_state: str = Field(max_length=20)
    to_state: str = Field(max_length=20)
    reason: str | None = Field(None, max_length=40)
    note: str | None = Field(None, sa_column=Column(Text, nullable=True))
    """Text of an earlier release, shown to nobody, until it is moved to intake."""
    detail: str | None = Field(None, sa_column=Column(Text, nullable=True))
    note_id: str | None = Field(None, max_length=36)


metadata = Base.metadata
outbox = Outbox(metadata)
inbox = Inbox(metadata)
leases = lease_table(metadata)
sweeps = Sweeps(metadata)
audit_log = audit_log_table(metadata, "child_id", "referral_id")
dead_letters = dead_letter_table(metadata)
checkpoints = Checkpoints(metadata)


def table(model: type[SQLModel]) -> Table:
    """The model's table, for statements of many rows: an ORM unit of work would cost more than all the rest."""
    found: Table = model.__table__  # type: ignore[attr-defined]
    return found
