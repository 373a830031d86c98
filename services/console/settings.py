"""Settings of the console, from its environment."""

from functools import cached_property
from pathlib import Path
from typing import Self
from urllib.parse import urlsplit

from pydantic import Field, SecretStr, field_validator, model_validator

from services.kit.settings import CHECKOUT, SecretUrl, ServiceSettings, read_key


class ConsoleSettings(ServiceSettings):
    """The console calls the other services' public ports with the user's own token, and keeps sessions only."""

    kafka_servers: str = ""
    intake_url: SecretUrl
    referral_url: SecretUrl
    capacity_url: SecretUrl
    processes: dict[str, str] = Field(default_factory=dict, repr=False)
    """The ports inside of the processes without an API, by name, as JSON: operators see whether each is ready."""
    console_url: str = ""
    """The address by which browsers know the console; with https its cookies are for https only."""
    assets: Path = CHECKOUT / ".joldama-cache" / "console"
    """What `services.console.assets.build` wrote."""

    sessions_url: SecretUrl
    """The Redis with the sessions."""
    console_key: SecretStr = SecretStr("")
    """32 random bytes in base64: encrypts sessions, and signs the tokens of forms."""
    old_console_keys: SecretStr = SecretStr("")
    """Comma-separated: still read what they have encrypted."""
    idle_minutes: float = Field(30, gt=0, le=24 * 60)
    """A session ends so long after its last page."""
    session_hours: float = Field(10, gt=0, le=24 * 7)
    """A session ends so long after the sign-in, whatever happens."""
    kept_form_minutes: float = Field(15, gt=0, le=24 * 60)
    """A form that was sent after its session had ended waits so long for who sent it."""

    sign_in_client_id: str = ""
    """The client, at the issuer, by which people sign in; its redirect is `console_url` and `/sign-in/back`."""
    sign_in_client_secret_file: Path | None = None
    sign_in_scope: str = "openid"

    local_issuer_key_file: Path | None = None
    """The key of the local network's issuer: whoever opens the console chooses a role. In local mode only."""

    def _urls(self) -> dict[str, str]:
        return super()._urls() | {f"processes ({name})": url for name, url in self.processes.items()}

    @model_validator(mode="after")
    def _refuse_incomplete_sign_in(self) -> Self:
        if self.sign_in_client_id and not self.console_url:
            raise ValueError("JOLDAMA_CONSOLE_URL is not set: the provider sends people back there")
        if not (self.local or self.https or self.plaintext_inside):
            raise ValueError("JOLDAMA_CONSOLE_URL must be an https address: sessions are for https only")
        return self

    @field_validator("local_issuer_key_file", "sign_in_client_secret_file", mode="before")
    @classmethod
    def _none(cls, file: object) -> object:
        """A compose file cannot leave a variable out."""
        return file or None

    @model_validator(mode="after")
    def _refuse_local_sign_in(self) -> Self:
        if self.local_issuer_key_file and not self.local:
            raise ValueError("JOLDAMA_LOCAL_ISSUER_KEY_FILE lets anybody in: it is for JOLDAMA_MODE=local only")
        return self

    @model_validator(mode="after")
    def _refuse_weak_keys(self) -> Self:
        if any(one.isascii() or len(set(one)) < 16 for one in self.keys):
            raise ValueError("JOLDAMA_CONSOLE_KEY: the key can be guessed; make one with: openssl rand -base64 32")
        return self

    @cached_property
    def keys(self) -> tuple[bytes, ...]:
        """32 bytes each, the newest first. Raises ValueError without one."""
        current = self.console_key.get_secret_value()
        if not current:
            raise ValueError("JOLDAMA_CONSOLE_KEY is not set: 32 random bytes in base64 (openssl rand -base64 32)")
        old = [one for one in self.old_console_keys.get_secret_value().split(",") if one.strip()]
        return tuple(read_key(one, "JOLDAMA_CONSOLE_KEY") for one in (current, *old))

    @property
    def https(self) -> bool:
        """Whether browsers come by https, so that cookies are for https only."""
        return urlsplit(self.console_url).scheme == "https"
