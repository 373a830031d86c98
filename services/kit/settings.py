"""Settings of every process, read from its environment (prefix `JOLDAMA_`)."""

from enum import StrEnum
from pathlib import Path
from typing import Literal

from pydantic import Field, SecretStr
from pydantic_settings import BaseSettings, SettingsConfigDict

CHECKOUT = Path(__file__).resolve().parents[2]


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

    @property
    def local(self) -> bool:
        return self.mode is Mode.LOCAL
