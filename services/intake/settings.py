"""Settings of the intake processes, from their environment."""

import base64
import binascii
from functools import cached_property

from pydantic import SecretStr, model_validator

from services.kit.settings import ServiceSettings

LOCAL_KEY = base64.b64encode(b"joldama-laptop-only-no-secret-at").decode()
"""The key of local mode when none is set; refused in production."""
_NAME = "JOLDAMA_INTAKE_DATA_KEY"
_OLD_NAME = "JOLDAMA_INTAKE_OLD_DATA_KEYS"


class IntakeSettings(ServiceSettings):
    """`intake_data_key` seals personal data; `intake_old_data_keys` (comma-separated, newest first) still open it."""

    intake_sql_url: str
    referral_url: str
    """The referral service, which says at each read of a child who has it now; `service_token_file` opens it."""
    intake_data_key: SecretStr = SecretStr("")
    intake_old_data_keys: SecretStr = SecretStr("")

    @model_validator(mode="after")
    def _refuse_weak_keys(self) -> "IntakeSettings":
        for key in self.data_keys:
            if not self.local and is_weak(key):
                raise ValueError(f"{_NAME}: the key can be guessed; make one with: openssl rand -base64 32")
        return self

    @cached_property
    def data_keys(self) -> tuple[bytes, ...]:
        """32 bytes each, the newest first; the oldest one also makes the blind indexes."""
        current = self.intake_data_key.get_secret_value()
        if not current and not self.local:
            raise ValueError(f"{_NAME} is not set: 32 random bytes in base64 (openssl rand -base64 32)")
        old = [key for key in self.intake_old_data_keys.get_secret_value().split(",") if key.strip()]
        return (_decode(current or LOCAL_KEY, _NAME), *(_decode(key, _OLD_NAME) for key in old))


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
