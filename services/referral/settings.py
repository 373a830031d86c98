"""What the referral service's processes read from their environment (prefix `JOLDAMA_`)."""

from datetime import timedelta

from pydantic import Field

from services.kit.settings import ServiceSettings
from services.referral.domain.staleness import Staleness


class ReferralSettings(ServiceSettings):
    """`referral_sql_url` is precious: its database is the record that everything else is rebuilt from."""

    referral_sql_url: str
    capacity_url: str
    worker_group: str = "referral-worker"
    worker_instance: str = "1"
    """Distinct for each worker of a group: a worker that comes back under its name takes up where it was."""
    worker_batch: int = Field(200, ge=1, le=1000)
    worker_within: float = 0.01
    """Seconds that a batch waits for more events."""
    audit_every: float = Field(300.0, gt=0)
    """Seconds between two audits of capacity against the record."""

    stale_after_days: int = Field(7, ge=1, le=3650)
    """A center's figure that nobody has confirmed for so many days is stale."""
    stale_behind_km: float = Field(0.0, ge=0, le=5000)
    """A stale programme is ordered as if it stood so much farther; 0 leaves the order as it is. Proposed: 25."""

    @property
    def staleness(self) -> Staleness:
        """Policy for figures that nobody has confirmed for long."""
        return Staleness(timedelta(days=self.stale_after_days), self.stale_behind_km)

    @property
    def worker_app(self) -> str:
        """The worker's app, which is its consumer group as well."""
        return f"{self.topic_prefix}.{self.worker_group}"
