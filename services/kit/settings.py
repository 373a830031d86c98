"""Settings of every process, read from its environment (prefix `JOLDAMA_`)."""

from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import Field, SecretStr, StringConstraints
from pydantic_settings import BaseSettings, SettingsConfigDict

CHECKOUT = Path(__file__).resolve().parents[2]
Counted = Literal["holder", "organization", "address"]
Rate = Annotated[str, StringConstraints(pattern=r"^[1-9][0-9]{0,8}/(second|minute|hour|day)$")]
DEFAULT_LIMITS: Any = {
    "requests": {"holder": "180000/minute", "organization": "300000/minute", "address": "600000/minute"},
    "reads": {"holder": "3000/minute", "organization": "3000/minute", "address": "12000/minute"},
    "look_ups": {"holder": "120/minute", "organization": "120/minute", "address": "600/minute"},
    "refused": {"address": "600/minute"},
}


class Mode(StrEnum):
    LOCAL = "local"
    PRODUCTION = "production"


class ServiceSettings(BaseSettings):
    """Shared by all services; each adds its own. A missing required variable is named in the error."""

    model_config = SettingsConfigDict(env_prefix="JOLDAMA_", extra="ignore", frozen=True, hide_input_in_errors=True)

    mode: Mode = Mode.PRODUCTION
    host: str = "127.0.0.1"
    port: int = 0
    """The public port of an API."""
    inside_host: str = ""
    inside_port: int = 0
    """The port for services, probes, metrics and the documentation, never reached from outside; its host is `host`."""
    public_docs: bool = False
    """Whether the documentation and OpenAPI are on the public port too."""
    log_level: Literal["debug", "info", "warning", "error"] = "info"
    data: Path = CHECKOUT / "data"

    kafka_servers: str
    kafka_security: Literal["PLAINTEXT", "SSL", "SASL_PLAINTEXT", "SASL_SSL"] = "PLAINTEXT"
    kafka_sasl_mechanism: Literal["PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512"] = "SCRAM-SHA-512"
    kafka_username: str | None = None
    kafka_password: SecretStr | None = None
    kafka_ca_file: Path | None = None
    topic_prefix: str = "joldama"

    jwks: str = ""
    """A file or a URL with the issuer's public keys."""
    jwks_max_age: float = Field(600, ge=2, le=86_400)
    """Seconds: a key that the issuer has withdrawn is believed no longer, and without the JWKS no token is."""
    issuer: str = ""
    audience: str = "joldama"
    service_token_file: Path | None = None
    """This process's own token, for other services; or it is got by client credentials:"""
    token_url: str = ""
    client_id: str = ""
    client_secret_file: Path | None = None
    token_scope: str = ""
    token_resource: str = ""
    """What some issuers want besides: a scope, and the resource (RFC 8707) that the token is for."""

    limits_url: SecretStr = SecretStr("")
    """The Redis with the counters of limits; without it capacity takes its own, and the others count in the process."""
    limits: dict[Literal["requests", "reads", "look_ups", "refused"], dict[Counted, Rate]] = DEFAULT_LIMITS
    """By what is counted and for whom: how often, and in which time. What is left out is unlimited."""
    trusted_proxies: str = ""
    """Addresses and networks, with commas, of the proxies whose `X-Forwarded-For` is believed at the public port."""

    @property
    def local(self) -> bool:
        return self.mode is Mode.LOCAL
