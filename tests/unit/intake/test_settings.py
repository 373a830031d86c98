"""The data keys in intake's settings."""

import base64
import os
from typing import Any

import pytest
from pydantic import ValidationError

from services.intake.settings import LOCAL_KEY, IntakeSettings

GOOD = base64.b64encode(os.urandom(32)).decode()


def settings(**changes: Any) -> IntakeSettings:
    return IntakeSettings(
        **{"kafka_servers": "k", "intake_sql_url": "sqlite://", "referral_url": "http://r", "mode": "production"}
        | changes
    )


@pytest.fixture(autouse=True)
def _no_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in list(os.environ):
        if name.startswith("JOLDAMA_"):
            monkeypatch.delenv(name)


def test_a_random_key_is_accepted() -> None:
    assert settings(intake_data_key=GOOD).data_keys == (base64.b64decode(GOOD),)


@pytest.mark.parametrize(
    "key",
    [
        "",
        "not base64!",
        base64.b64encode(b"short").decode(),
        base64.b64encode(b"a passphrase of thirty-two bytes").decode(),
        base64.b64encode(bytes(32)).decode(),
        base64.b64encode(b"\xff\x01" * 16).decode(),
        LOCAL_KEY,
    ],
)
def test_a_weak_or_missing_key_is_refused_by_name_and_never_printed(key: str) -> None:
    with pytest.raises(ValidationError, match="JOLDAMA_INTAKE_DATA_KEY") as caught:
        settings(intake_data_key=key)
    assert not key or key not in str(caught.value)


def test_local_mode_starts_without_a_key() -> None:
    assert len(settings(mode="local").data_keys[0]) == 32


def test_old_keys_come_after_the_new_one() -> None:
    old = base64.b64encode(os.urandom(32)).decode()
    found = settings(intake_data_key=GOOD, intake_old_data_keys=f"{old}, ").data_keys
    assert found == (base64.b64decode(GOOD), base64.b64decode(old))
    with pytest.raises(ValidationError, match="JOLDAMA_INTAKE_OLD_DATA_KEYS"):
        settings(intake_data_key=GOOD, intake_old_data_keys="xx")
