"""Settings of the referral service's processes, read from their environment (prefix `JOLDAMA_`)."""

import os
import re
import socket
from datetime import timedelta

from pydantic import Field

from services.kit.settings import AuditSettings, EventSettings, SecretUrl
from services.referral.domain.staleness import Staleness


def _this_process() -> str:
    """The host's name and the process number, in Kafka's letters."""
    return re.sub(r"[^A-Za-z0-9._-]", "-", f"{socket.gethostname()}-{os.getpid()}")


class ReferralSettings(AuditSettings, EventSettings):
    """`referral_sql_url` is precious: its database is the record that everything else is rebuilt from."""

    referral_sql_url: SecretUrl
    capacity_url: SecretUrl
    intake_url: SecretUrl
    """Intake, inside: the worker asks it whether an event that changes or ends a referral is its own."""
    worker_group: str = "referral-worker"
    worker_instance: str = Field(default_factory=_this_process, pattern=r"^[A-Za-z0-9._-]+$")
    """Distinct for each worker of a group. A worker that restarts under its old name resumes without a rebalance."""
    worker_batch: int = Field(200, ge=1, le=1000)
    worker_within: float = 0.002
    """Seconds that a batch waits for more events, once it has one."""
    audit_every: float = Field(300.0, gt=0)
    """Seconds between two audits of capacity against the record."""

    stale_after_days: int = Field(7, ge=1, le=3650)
    """A center's figure that nobody has confirmed for so many days is stale; capacity reads it too."""
    stale_behind_km: float = Field(0.0, ge=0, le=5000)
    """A stale programme is ordered as if it stood so much farther; 0 leaves the order as it is. Proposed: 25."""

    figures_every: float = Field(30.0, gt=0, le=86_400)
    """Seconds between two publications of figures to polyclinics; capacity reads it too, for centers as well."""
    figures_centers: int = Field(5, ge=1, le=1000)
    """Counts are published once those of so many centers have changed; capacity reads it too."""

    forecast_every: float = Field(1.0, ge=0, le=60)
    """Seconds for which forecasts are kept, and the use of places by which they are made."""

    pass_over_days: int = Field(14, ge=1, le=3650)
    """An offer that expires passes its center over for so many days, unless the center answers anything before."""

    @property
    def forecast_kept(self) -> timedelta:
        return timedelta(seconds=self.forecast_every)

    @property
    def pass_over(self) -> timedelta:
        return timedelta(days=self.pass_over_days)

    @property
    def staleness(self) -> Staleness:
        return Staleness(timedelta(days=self.stale_after_days), self.stale_behind_km)

    @property
    def worker_app(self) -> str:
        """The worker's app, which is its consumer group as well."""
        return f"{self.topic_prefix}.{self.worker_group}"
