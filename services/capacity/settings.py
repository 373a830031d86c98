"""Settings of capacity's processes, from their environment."""

from typing import Self

from pydantic import Field, model_validator

from services.capacity.domain.figures import Staleness, stale_after
from services.kit.settings import SecretUrl, ServiceSettings


class CapacitySettings(ServiceSettings):
    """The environment of capacity's processes."""

    redis_url: SecretUrl
    referral_url: SecretUrl = ""
    """The referral service, in whose audit log reads of queues and feeds are entered, by this process's own token.

    Without it, which only local mode allows, nothing is entered.
    """
    key_prefix: str = "joldama"
    stale_after_days: int = Field(7, ge=1, le=3650)
    """A center's figure that nobody has confirmed for so many days is stale; the referral service reads it too."""

    figures_every: float = Field(30.0, gt=0, le=86_400)
    """Seconds between two publications of figures to centers and polyclinics."""
    figures_centers: int = Field(5, ge=1, le=1000)
    """Counts of others are published once those of so many centers have changed: one alone would show a child."""
    feed_kept: int = Field(10_000, ge=100, le=1_000_000)
    """Steps in memory, some 600 bytes each, from which a feed is resumed; whoever comes later loads again."""

    @model_validator(mode="after")
    def _refuse_reads_without_entry(self) -> Self:
        if not (self.local or self.referral_url):
            raise ValueError("JOLDAMA_REFERRAL_URL is not set: who reads queues is entered in its audit log")
        return self

    @property
    def staleness(self) -> Staleness:
        return stale_after(self.stale_after_days)
