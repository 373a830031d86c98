"""What the macros of a child's row and banner take, from what the referral service's API gives."""

from typing import Any

from services.console.upstream.client import Json
from services.contracts import short_numbers


def short_number(referral_id: str) -> str:
    """The end of an id, for people to say on the phone; the whole one is in the address."""
    return f"№ {short_numbers.short_number(referral_id)}"


def child_row(referral: Json, href: str, **more: Any) -> Json:
    """A referral's row; `more` has what the caller knows besides, such as `title` (the child's name) or `note`."""
    return {
        "id": referral["id"],
        "href": href,
        "title": short_number(referral["id"]),
        "state": referral["state"],
        "age_months": referral["age_months"],
        "diagnosis": referral["icd10"],
        "settlement": referral["settlement_id"],
        "priority": referral["priority"],
        "due": referral["deadline_at"],
    } | more
