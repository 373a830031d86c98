"""Enumerations that all services share."""

from enum import StrEnum


class Modality(StrEnum):
    """How a center gives its care."""

    INPATIENT = "inpatient"
    DAY_STAY = "day_stay"
    OUTPATIENT = "outpatient"
    HOME_CARE = "home_care"


class Catchment(StrEnum):
    """Where a programme's children may live."""

    NATION = "nation"
    REGION = "region"
    SETTLEMENT = "settlement"


class Priority(StrEnum):
    """A referral's priority; every child under 36 months is urgent (the early-intervention window)."""

    URGENT = "urgent"
    HIGH = "high"
    ROUTINE = "routine"


class Sex(StrEnum):
    FEMALE = "female"
    MALE = "male"


class Language(StrEnum):
    """Of a text for people: ISO 639-1."""

    KAZAKH = "kk"
    RUSSIAN = "ru"
    ENGLISH = "en"


class Gmfcs(StrEnum):
    """Gross Motor Function Classification System, levels I to V."""

    I = "I"
    II = "II"
    III = "III"
    IV = "IV"
    V = "V"


class Role(StrEnum):
    """A role in a bearer token: of people, and one of each process that calls another service."""

    POLYCLINIC = "polyclinic"
    CENTER = "center"
    OPERATOR = "operator"
    ADMIN = "admin"
    INTAKE_API = "intake-api"
    REFERRAL_API = "referral-api"
    REFERRAL_WORKER = "referral-worker"
    CAPACITY_API = "capacity-api"
    CONSOLE = "console"


PROCESSES = (Role.INTAKE_API, Role.REFERRAL_API, Role.REFERRAL_WORKER, Role.CAPACITY_API, Role.CONSOLE)


class ReferralState(StrEnum):
    """A referral's state. The last two are closed; every other is open."""

    SUBMITTED = "submitted"
    """To be routed: new, or to the next center."""
    OFFERED = "offered"
    WAITING = "waiting"
    UNPLACEABLE = "unplaceable"
    ACCEPTED = "accepted"
    ADMITTED = "admitted"
    NO_SHOW = "no_show"
    COMPLETED = "completed"
    CANCELLED = "cancelled"


CLOSED = frozenset({ReferralState.COMPLETED, ReferralState.CANCELLED})
FARTHEST = (ReferralState.ADMITTED, ReferralState.ACCEPTED, ReferralState.OFFERED)
"""The states nearest to care, the nearest first: of a child's two open referrals the one that is farther stays."""


def steps_behind(state: ReferralState) -> int:
    """How far an open referral is behind an admitted one; all that have no offer are equally far."""
    return FARTHEST.index(state) if state in FARTHEST else len(FARTHEST)


class OfferState(StrEnum):
    """An offer's state; an offer is one attempt at one center."""

    MADE = "made"
    SEEN = "seen"
    ACCEPTED = "accepted"
    DECLINED = "declined"
    EXPIRED = "expired"
    WITHDRAWN = "withdrawn"
    """The referral ended first, or its data was corrected and the programme does not accept such a child."""
    MISSED = "missed"
    """Accepted, but the child did not come."""


class ClaimState(StrEnum):
    """The state of a referral's claim."""

    HELD = "held"
    OCCUPIED = "occupied"
    WAITING = "waiting"
    STALE = "stale"
    """Refused: a later attempt of this referral has been seen."""
    NONE = "none"
    """No claim at all."""
