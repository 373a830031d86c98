"""What the referral service's processes read from their environment (prefix `JOLDAMA_`)."""

from pydantic import Field

from services.kit.settings import ServiceSettings


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

    @property
    def worker_app(self) -> str:
        """The worker's app, which is its consumer group as well."""
        return f"{self.topic_prefix}.{self.worker_group}"
