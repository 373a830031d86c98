"""Who goes first."""

from services.contracts.vocabulary import Priority
from services.intake.domain.ages import EARLY_MONTHS


def decide_priority(age_months: int, clinicians: Priority | None) -> Priority:
    """Urgent in the early-intervention window, else what the clinician says, else routine."""
    if age_months < EARLY_MONTHS:
        return Priority.URGENT
    return clinicians or Priority.ROUTINE
