"""The closed lists of words that every service speaks."""

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
    """Who goes first; urgent is also every child under 36 months (the early-intervention window)."""

    URGENT = "urgent"
    HIGH = "high"
    ROUTINE = "routine"


class Sex(StrEnum):
    FEMALE = "female"
    MALE = "male"


class Gmfcs(StrEnum):
    """Gross Motor Function Classification System, levels I to V."""

    I = "I"
    II = "II"
    III = "III"
    IV = "IV"
    V = "V"


class Role(StrEnum):
    """What a bearer token lets its holder be."""

    POLYCLINIC = "polyclinic"
    CENTER = "center"
    OPERATOR = "operator"
    ADMIN = "admin"
    SERVICE = "service"


class ReferralState(StrEnum):
    """Where a referral is in its life. The last two are closed; every other is open."""

    SUBMITTED = "submitted"
    """With the router: new, or on its way to the next center."""
    OFFERED = "offered"
    WAITING = "waiting"
    UNPLACEABLE = "unplaceable"
    ACCEPTED = "accepted"
    ADMITTED = "admitted"
    NO_SHOW = "no_show"
    COMPLETED = "completed"
    CANCELLED = "cancelled"


CLOSED = frozenset({ReferralState.COMPLETED, ReferralState.CANCELLED})


class OfferState(StrEnum):
    """What became of one offer, which is one attempt at one center."""

    MADE = "made"
    SEEN = "seen"
    ACCEPTED = "accepted"
    DECLINED = "declined"
    EXPIRED = "expired"
    WITHDRAWN = "withdrawn"
    """The referral ended first."""
    MISSED = "missed"
    """Accepted, but the child did not come."""


class ClaimState(StrEnum):
    """What a referral has of a place."""

    HELD = "held"
    OCCUPIED = "occupied"
    WAITING = "waiting"
    STALE = "stale"
    """Refused: a later attempt of this referral has been seen."""
    NONE = "none"
    """No claim at all."""
