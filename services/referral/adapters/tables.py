"""The referral service's tables: the registry of centers, and the record of referrals."""

from datetime import date, datetime
from typing import Any

from sqlalchemy import BigInteger, Column, Index, Text, text
from sqlalchemy.orm import registry
from sqlmodel import Field, SQLModel

from services.contracts.vocabulary import ReferralState
from services.kit.dead_letters.dead_letter import DeadLetterTable
from services.kit.kafka.checkpoints import Positions
from services.kit.sql.columns import Instant
from services.kit.sql.inbox import Inbox
from services.kit.sql.outbox import Outbox


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
    version: int


class ProgrammeRow(Base, table=True):
    __tablename__ = "programmes"

    id: str = Field(primary_key=True, max_length=64)
    center_id: str = Field(foreign_key="centers.id", index=True, max_length=64)
    modality: str = Field(max_length=20)
    age_from_months: int
    age_under_months: int
    icd10_prefixes: str = Field(max_length=2000, description="Separated by ;")
    catchment: str = Field(max_length=20)
    places: int
    course_days: int
    suspended: bool = False
    confirmed_at: datetime = Field(sa_column=_moment())


class RegistryVersionRow(Base, table=True):
    """One row: counts the changes of centers and programmes."""

    __tablename__ = "registry_version"

    id: int = Field(primary_key=True)
    version: int


class CapacityMarkRow(Base, table=True):
    """One row: the newest generation and sequence of capacity's data that this record has seen."""

    __tablename__ = "capacity_mark"

    id: int = Field(primary_key=True)
    epoch: str = Field(max_length=64)
    sequence: int = Field(sa_type=BigInteger)


class ReferralRow(Base, table=True):
    __tablename__ = "referrals"
    __table_args__ = (
        Index("ix_referrals_state", "state", "id"),
        Index("ix_referrals_center", "center_id", "state", "id"),
        Index("ix_referrals_polyclinic", "polyclinic_id", "id"),
        Index("ix_referrals_due", "due_at", "id", **_where("due_at IS NOT NULL")),
        Index("ix_referrals_escalated", "escalated_at", "id", **_where("escalated_at IS NOT NULL")),
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
    rank: int = Field(sa_type=BigInteger)
    state: str = Field(max_length=20, default=ReferralState.SUBMITTED)
    version: int
    attempt: int
    center_id: str | None = Field(None, max_length=64)
    programme_id: str | None = Field(None, max_length=64)
    deadline_at: datetime | None = Field(None, sa_column=_moment(nullable=True))
    due_at: datetime | None = Field(None, sa_column=_moment(nullable=True))
    admit_on: date | None = None
    admitted_at: datetime | None = Field(None, sa_column=_moment(nullable=True))
    escalated_at: datetime | None = Field(None, sa_column=_moment(nullable=True))
    escalation: str | None = Field(None, max_length=40)


class OfferRow(Base, table=True):
    __tablename__ = "offers"
    __table_args__ = (Index("ix_offers_center", "center_id", "referral_id"),)

    referral_id: str = Field(primary_key=True, foreign_key="referrals.id", max_length=36)
    attempt: int = Field(primary_key=True)
    center_id: str = Field(max_length=64)
    programme_id: str = Field(max_length=64)
    kilometers: float
    state: str = Field(max_length=20)
    made_at: datetime = Field(sa_column=_moment())
    answer_by: datetime = Field(sa_column=_moment())
    reason: str | None = Field(None, max_length=40)
    seen_at: datetime | None = Field(None, sa_column=_moment(nullable=True))
    answered_at: datetime | None = Field(None, sa_column=_moment(nullable=True))


class DecisionRow(Base, table=True):
    """Why: the candidates in order as [programme, kilometers, free], and those left out by reason, as JSON."""

    __tablename__ = "decisions"

    referral_id: str = Field(primary_key=True, foreign_key="referrals.id", max_length=36)
    attempt: int = Field(primary_key=True)
    at: datetime = Field(sa_column=_moment())
    registry_version: int
    candidates: str = Field(sa_column=Column(Text, nullable=False))
    excluded: str = Field(sa_column=Column(Text, nullable=False))


class HistoryRow(Base, table=True):
    __tablename__ = "history"

    referral_id: str = Field(primary_key=True, foreign_key="referrals.id", max_length=36)
    version: int = Field(primary_key=True)
    at: datetime = Field(sa_column=_moment())
    actor: str = Field(max_length=120)
    command: str = Field(max_length=20)
    from_state: str = Field(max_length=20)
    to_state: str = Field(max_length=20)
    reason: str | None = Field(None, max_length=40)
    note: str | None = Field(None, sa_column=Column(Text, nullable=True))


metadata = Base.metadata
outbox = Outbox(metadata)
inbox = Inbox(metadata)
dead_letters = DeadLetterTable(metadata)
positions = Positions(metadata)
