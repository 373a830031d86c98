"""For what somebody reads or acts: the codes of the header Purpose-Of-Use, and the purpose of a route without it."""

from collections.abc import Collection
from enum import StrEnum


class Purpose(StrEnum):
    """A purpose, with the HL7 code (PurposeOfUse) that it stands for."""

    TREATMENT = "treatment"
    """TREAT"""
    EMERGENCY = "emergency"
    """ETREAT"""
    COORDINATION = "coordination"
    """COC: finding and keeping a place"""
    ADMINISTRATION = "administration"
    """HSYSADMIN: centers, figures, dead letters, repair"""
    FAMILY_REQUEST = "family_request"
    """PATRQT: the family asked"""
    COMPLIANCE = "compliance"
    """HCOMPL: audit, a complaint, a court"""


_BY_TAG = {
    "personal data": Purpose.TREATMENT,
    "corrections": Purpose.TREATMENT,
    "diagnoses": Purpose.TREATMENT,
    "access report": Purpose.FAMILY_REQUEST,
    "family": Purpose.FAMILY_REQUEST,
    "transfers": Purpose.COORDINATION,
    "referrals": Purpose.COORDINATION,
    "worklists": Purpose.COORDINATION,
    "capacity": Purpose.COORDINATION,
    "audit log": Purpose.COMPLIANCE,
}


def default_purpose(tags: Collection[str]) -> Purpose:
    """The purpose of a request that names none, by the tags of its route in the OpenAPI."""
    return next((_BY_TAG[tag] for tag in tags if tag in _BY_TAG), Purpose.ADMINISTRATION)
