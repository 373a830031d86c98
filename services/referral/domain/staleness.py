"""Stale figures: how long a center's figure is trusted, and the policy for one that nobody has confirmed since."""

from dataclasses import dataclass
from datetime import datetime, timedelta


@dataclass(frozen=True, slots=True)
class Staleness:
    """A figure is stale when it was not confirmed for `after`; its programme is then ordered as if its center stood
    `behind_km` farther. Only the order follows from it: eligibility does not."""

    after: timedelta = timedelta(days=7)
    behind_km: float = 0.0

    def is_stale(self, confirmed_at: datetime | None, now: datetime) -> bool:
        """A figure that was never confirmed is stale."""
        return confirmed_at is None or now - confirmed_at > self.after


WEEK = Staleness()
"""Stale after seven days, which is shown and changes no order."""
