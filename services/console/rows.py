"""What the macros of a child's row and banner take, from what the referral service's API gives."""

from typing import Any

from services.console.upstream.client import Json
from services.console.words.i18n import Words
from services.console.words.labels import Labels
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


def facts(words: Words, labels: Labels, child: Json) -> str:
    """What a row and a banner say of a child, as far as it is known: age, diagnosis, town."""
    months, code, town = (child.get(name) for name in ("age_months", "diagnosis", "settlement"))
    name = labels.label(words, code, "diagnosis")
    diagnosis = f"{code} {name}" if name != code else code
    age = years(words, months) if months is not None else ""
    return " · ".join(filter(None, (age, diagnosis if code else "", labels.label(words, town, "settlement"))))


def years(words: Words, months: int) -> str:
    """An age: months of the first two years, then years."""
    if months < 24:
        return words.ngettext("%(num)s month", "%(num)s months", months) % {"num": months}
    return words.ngettext("%(num)s year", "%(num)s years", months // 12) % {"num": months // 12}
