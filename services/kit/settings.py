"""Settings of every process, read from its environment (prefix `JOLDAMA_`)."""

import base64
import binascii
from enum import StrEnum
from functools import cached_property
from ipaddress import IPv4Network, IPv6Network, ip_network
from pathlib import Path
from typing import Annotated, Any, Literal, Self

from pydantic import AliasChoices, Field, SecretStr, StringConstraints, field_validator, model_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from services.kit.transport import TOLD, plaintext

SecretUrl = Annotated[str, Field(repr=False)]
"""A URL in which a password may stand, so that it is in no `repr`."""
CHECKOUT = Path(__file__).resolve().parents[2]
Counted = Literal["holder", "organization", "address"]
Rate = Annotated[str, StringConstraints(pattern=r"^[1-9][0-9]{0,8}/(second|minute|hour|day)$")]
DEFAULT_LIMITS: Any = {
    "requests": {"holder": "180000/minute", "organization": "300000/minute", "address": "600000/minute"},
    "reads": {"holder": "3000/minute", "organization": "3000/minute", "address": "12000/minute"},
    "look_ups": {"holder": "120/minute", "organization": "120/minute", "address": "600/minute"},
    "refused": {"address": "600/minute"},
    "family": {"holder": "20/day", "address": "120/minute"},
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
    tls_cert_file: Path | None = None
    tls_key_file: Path | None = None
    """The certificate (with its chain) and the key of the port inside, PEM; without them it is plain HTTP."""
    services_ca_file: Path | None = None
    """The authority, PEM, of the certificates of the services that this one calls by https."""
    connections: int = Field(800, ge=10)
    connections_per_address: int = Field(256, ge=1)
    """Connections that a port takes; so many of them from one address, on the public port."""
    public_docs: bool = False
    """Whether the documentation and OpenAPI are on the public port too."""
    log_level: Literal["debug", "info", "warning", "error"] = "info"
    otlp_endpoint: str = Field(
        "", validation_alias=AliasChoices("JOLDAMA_OTLP_ENDPOINT", "OTEL_EXPORTER_OTLP_ENDPOINT")
    )
    """Where traces go, by OTLP/HTTP; there are none without it."""
    traces_share: float = Field(1.0, ge=0, le=1)
    """Of the traces that begin in this process, how large a part is sent."""
    data: Path = CHECKOUT / "data"

    kafka_servers: str
    kafka_security: Literal["PLAINTEXT", "SSL", "SASL_PLAINTEXT", "SASL_SSL"] = "PLAINTEXT"
    kafka_sasl_mechanism: Literal["PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512"] = "SCRAM-SHA-512"
    kafka_username: str | None = None
    kafka_password: SecretStr | None = None
    kafka_ca_file: Path | None = None
    kafka_certificate_file: Path | None = None
    kafka_key_file: Path | None = None
    """A client's certificate and its key, where the brokers want one."""
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
    limits: dict[Literal["requests", "reads", "look_ups", "refused", "family"], dict[Counted, Rate]] = DEFAULT_LIMITS
    """By what is counted and for whom: how often, and in which time. What is left out is unlimited."""
    feeds: int = Field(500, ge=1)
    feeds_per_organization: int = Field(50, ge=1)
    feeds_per_token: int = Field(10, ge=1)
    """Endless answers that a process gives at once. All tokens of one holder count together."""
    trusted_proxies: str = ""
    """Addresses and networks, with commas, of the proxies whose `X-Forwarded-For` is believed at the public port."""

    plaintext_inside: bool = False
    """Whether production may talk to servers and other services in the clear."""

    @model_validator(mode="after")
    def _refuse_plaintext(self) -> Self:
        """Messages name the variable and never its value, in which a password may be."""
        refused = {}
        for name, url in self._urls().items():
            try:
                refused[name] = plaintext(url)
            except ValueError as error:
                raise ValueError(f"JOLDAMA_{name.upper()} {error}") from None
        clear = self.kafka_servers and self.kafka_security.endswith("PLAINTEXT")
        refused["kafka_security"] = "use SASL_SSL" if clear else ""
        for name, advice in refused.items():
            if advice and not (self.local or self.plaintext_inside):
                raise ValueError(f"JOLDAMA_{name.upper()} would send data in the clear: {advice}. {TOLD}")
        return self

    def _urls(self) -> dict[str, str]:
        """By field all that is connected to by URL; `jwks` may be a file."""
        names = [name for name in type(self).model_fields if name.endswith("_url") or name in ("jwks", "otlp_endpoint")]
        values = {name: getattr(self, name) for name in names}
        return {
            name: one.get_secret_value() if isinstance(one, SecretStr) else str(one) for name, one in values.items()
        }

    @field_validator("trusted_proxies")
    @classmethod
    def _check_proxies(cls, proxies: str) -> str:
        _networks(proxies)
        return proxies

    @model_validator(mode="after")
    def _check_certificate(self) -> Self:
        if (self.tls_cert_file is None) != (self.tls_key_file is None):
            raise ValueError("JOLDAMA_TLS_CERT_FILE and JOLDAMA_TLS_KEY_FILE go together")
        return self

    @property
    def proxy_networks(self) -> tuple[IPv4Network | IPv6Network, ...]:
        return _networks(self.trusted_proxies)

    @property
    def local(self) -> bool:
        return self.mode is Mode.LOCAL


class AuditSettings(ServiceSettings):
    """Of a service with an audit log. `audit_key` chains its entries and makes pseudonyms of persons.

    All services of a network have the same key, so that a person has one name in all; `old_audit_keys`
    (comma-separated) still check older entries. To `audit_head_file` the last entry's number and hash are added.
    """

    audit_key: SecretStr = SecretStr("")
    old_audit_keys: SecretStr = SecretStr("")
    audit_head_file: Path | None = None
    keep_persons_days: int = Field(1826, ge=0, le=40_000)
    """Persons in histories are left out after so many days (five years), organizations stay; 0: never."""
    keep_audit_years: int = Field(0, ge=0, le=100)
    """Entries of the audit log may be cut after so many years, by the command of the table's owner; 0: never."""
    audit_head_every: float = Field(60.0, gt=0)
    """Seconds between two exports."""

    @model_validator(mode="after")
    def _refuse_weak_audit_keys(self) -> "AuditSettings":
        if not self.local and any(can_be_guessed(one) for one in self.audit_keys):
            raise ValueError("JOLDAMA_AUDIT_KEY: the key can be guessed; make one with: openssl rand -base64 32")
        return self

    @cached_property
    def audit_keys(self) -> tuple[bytes, ...]:
        """32 bytes each, the newest first."""
        current = self.audit_key.get_secret_value()
        if not current and not self.local:
            raise ValueError("JOLDAMA_AUDIT_KEY is not set: 32 random bytes in base64 (openssl rand -base64 32)")
        old = [one for one in self.old_audit_keys.get_secret_value().split(",") if one.strip()]
        return tuple(read_audit_key(one) for one in (current or LOCAL_AUDIT_KEY, *old))


class EventSettings(ServiceSettings):
    """Of intake's API, which signs the events of submissions, and of the worker, which asks for unsigned ones."""

    event_key: SecretStr = SecretStr("")

    @cached_property
    def signing_key(self) -> bytes:
        """32 bytes; none when the variable is not set."""
        text = self.event_key.get_secret_value()
        return read_key(text, "JOLDAMA_EVENT_KEY") if text else b""

    @model_validator(mode="after")
    def _refuse_weak_event_key(self) -> Self:
        key = self.signing_key
        if key and not self.local and can_be_guessed(key):
            raise ValueError("JOLDAMA_EVENT_KEY: the key can be guessed; make one with: openssl rand -base64 32")
        return self


LOCAL_AUDIT_KEY = base64.b64encode(b"joldama-laptop-only-no-audit-key").decode()
"""The key of local mode when none is set; refused in production."""


def read_audit_key(text: str) -> bytes:
    """32 bytes from base64. Raises ValueError, without the key."""
    return read_key(text, "JOLDAMA_AUDIT_KEY")


def read_key(text: str, variable: str) -> bytes:
    """32 bytes from base64. Raises ValueError that names the variable, without the key."""
    try:
        key = base64.b64decode(text.strip(), validate=True)
    except (ValueError, binascii.Error):
        raise ValueError(f"{variable} is not base64") from None
    if len(key) != 32:
        raise ValueError(f"{variable} has {len(key)} bytes, not 32")
    return key


def can_be_guessed(key: bytes) -> bool:
    """Whether it looks typed, or too even for random bytes."""
    return key.isascii() or len(set(key)) < 16


def _networks(text: str) -> tuple[IPv4Network | IPv6Network, ...]:
    """Raises ValueError when a part is no address or network."""
    return tuple(ip_network(one.strip()) for one in text.split(",") if one.strip())
