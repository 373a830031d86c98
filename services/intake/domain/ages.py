"""A child's age."""

from datetime import date


def age_in_months(born: date, today: date) -> int:
    """Completed months; a child born on the 31st completes a short month on the day after its last."""
    return (today.year - born.year) * 12 + today.month - born.month - (today.day < born.day)
