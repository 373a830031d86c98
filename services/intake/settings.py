"""Settings of the intake processes, from their environment."""

import base64
import binascii
from functools import cached_property
from pathlib import Path

from pydantic import Field, SecretStr, model_validator

from services.intake.domain.keys import UNVERSIONED, KeyPurpose, Keys
from services.kit.settings import AuditSettings, EventSettings, SecretUrl

LOCAL_KEY = base64.b64encode(b"joldama-laptop-only-no-secret-at").decode()
"""The key of local mode when none is set; refused in production."""
_OLD, _OLDER = "intake_data_key", "intake_old_data_keys"


class IntakeSettings(AuditSettings, EventSettings):
    """Keys: `version:base64`, comma-separated, or `@FILE` with that. The data keys wrap the children's own keys.

    `intake_data_key` and `intake_old_data_keys` (newest first) are of before there were versions; what was made by
    them is of version 0 until `joldama keys rotate` has made it anew.
    """

    intake_sql_url: SecretUrl
    referral_url: SecretUrl
    """The referral service, which says at each read of a child who has it now; `service_token_file` opens it."""
    consent_required: bool | None = None
    """Whether a submission needs the consent of the child's legal representative; in production by default."""
    keep_children_days: int = Field(9132, ge=0, le=40_000)
    """A child is erased so many days (25 years) after its last act, when all its referrals are over; 0: never."""
    intake_data_keys: SecretStr = SecretStr("")
    intake_index_keys: SecretStr = SecretStr("")
    intake_pseudonym_keys: SecretStr = SecretStr("")
    intake_data_key: SecretStr = SecretStr("")
    intake_old_data_keys: SecretStr = SecretStr("")

    @model_validator(mode="after")
    def _refuse_weak_keys(self) -> "IntakeSettings":
        keys = self.keys
        if self.local:
            return self
        used: dict[bytes, str] = {}
        for purpose, ring in keys.rings.items():
            for key in (key for version, key in ring.items() if version != UNVERSIONED):
                if is_weak(key):
                    raise ValueError(f"{variable(purpose)}: the key can be guessed; {_HOW}")
                if used.setdefault(key, variable(purpose)) != variable(purpose) or key in keys.unversioned:
                    raise ValueError(f"{variable(purpose)}: the same key is set elsewhere; each is one of its own")
        if any(map(is_weak, keys.unversioned)):
            raise ValueError(f"{_name(_OLD)}: the key can be guessed")
        return self

    @property
    def needs_consent(self) -> bool:
        return not self.local if self.consent_required is None else self.consent_required

    @cached_property
    def keys(self) -> Keys:
        """The keys of all kinds and versions."""
        unversioned = self._unversioned()
        rings = {one: self._ring(one) for one in KeyPurpose}
        if unversioned:  # the oldest made indexes and digests
            for purpose, ring in rings.items():
                ring[UNVERSIONED] = unversioned[0 if purpose is KeyPurpose.DATA else -1]
        for purpose, ring in rings.items():
            if not ring and not self.local:
                raise ValueError(f"{variable(purpose)} is not set; {_HOW}")
        local = {1: _decode(LOCAL_KEY, "")}
        return Keys({purpose: ring or local for purpose, ring in rings.items()}, unversioned)

    def _ring(self, purpose: KeyPurpose) -> dict[int, bytes]:
        ring: dict[int, bytes] = {}
        for entry in _entries(getattr(self, f"intake_{purpose}_keys"), name := variable(purpose)):
            version, colon, key = entry.partition(":")
            if not (colon and version.strip().isascii() and version.strip().isdigit() and 0 < int(version) < 10**6):
                raise ValueError(f"{name}: each key is version:base64, with versions from 1")
            if int(version) in ring:
                raise ValueError(f"{name}: version {int(version)} is there twice")
            ring[int(version)] = _decode(key, name)
        return dict(sorted(ring.items(), reverse=True))

    def _unversioned(self) -> tuple[bytes, ...]:
        return tuple(
            _decode(entry, _name(field))
            for field in (_OLD, _OLDER)
            for entry in _entries(getattr(self, field), _name(field))
        )


def variable(purpose: KeyPurpose) -> str:
    """The variable with the keys of that kind."""
    return _name(f"intake_{purpose}_keys")


def _name(field: str) -> str:
    return f"JOLDAMA_{field.upper()}"


_HOW = 'make one with: echo "1:$(openssl rand -base64 32)"'


def _entries(value: SecretStr, name: str) -> list[str]:
    text = value.get_secret_value().strip()
    if text.startswith("@"):
        try:
            text = Path(text[1:]).read_text(encoding="ascii")
        except (OSError, ValueError) as error:
            raise ValueError(f"{name}: its file cannot be read ({type(error).__name__})") from None
    return [one.strip() for one in text.split(",") if one.strip()]


def _decode(text: str, name: str) -> bytes:
    try:
        key = base64.b64decode(text.strip(), validate=True)
    except (ValueError, binascii.Error):
        raise ValueError(f"{name} is not base64") from None
    if len(key) != 32:
        raise ValueError(f"{name} has {len(key)} bytes, not 32")
    return key


def is_weak(key: bytes) -> bool:
    """Whether a key looks like text or a pattern; 32 random bytes do so once in 10^13."""
    return key.isascii() or len(set(key)) < 16
