"""The priority of a referral in its queues."""

from services.contracts.vocabulary import Priority

EARLY_MONTHS = 36
"""The early-intervention window: every child under this age is urgent."""


def decide_priority(age_months: int, clinicians: Priority | None) -> Priority:
    """Urgent in the early-intervention window, else the clinician's priority, else routine."""
    if age_months < EARLY_MONTHS:
        return Priority.URGENT
    return clinicians or Priority.ROUTINE
