"""The keys in intake's settings."""

import base64
import os
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from services.intake.domain.keys import UNVERSIONED, KeyPurpose
from services.intake.settings import LOCAL_KEY, IntakeSettings

GOOD = base64.b64encode(bytes(range(80, 144, 2))).decode()


def new() -> str:
    return base64.b64encode(os.urandom(32)).decode()


AUDIT_KEY = new()


def settings(**changes: Any) -> IntakeSettings:
    given = {
        "kafka_servers": "k", "kafka_security": "SSL", "intake_sql_url": "sqlite://", "referral_url": "https://r",
        "mode": "production",
    }  # fmt: skip
    return IntakeSettings(**given | {"audit_key": AUDIT_KEY} | changes)


def three(**changes: str) -> dict[str, str]:
    return {f"intake_{one}_keys": f"1:{new()}" for one in KeyPurpose} | changes


@pytest.fixture(autouse=True)
def _no_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in list(os.environ):
        if name.startswith("JOLDAMA_"):
            monkeypatch.delenv(name)


def test_random_keys_are_accepted_the_newest_first() -> None:
    first, second = new(), new()
    rings = settings(**three(intake_data_keys=f"1:{first}, 2:{second}")).keys.rings
    assert list(rings[KeyPurpose.DATA].items()) == [(2, base64.b64decode(second)), (1, base64.b64decode(first))]
    assert [len(rings[one]) for one in KeyPurpose] == [2, 1, 1]


@pytest.mark.parametrize("purpose", KeyPurpose)
@pytest.mark.parametrize(
    "keys",
    [
        "",
        "1:not base64!",
        GOOD,
        f"0:{GOOD}",
        f"x:{GOOD}",
        f"1:{GOOD},1:{GOOD}",
        "1:" + base64.b64encode(b"short").decode(),
        "1:" + base64.b64encode(b"a passphrase of thirty-two bytes").decode(),
        "1:" + base64.b64encode(bytes(32)).decode(),
        "1:" + base64.b64encode(b"\xff\x01" * 16).decode(),
        f"1:{LOCAL_KEY}",
        "@/nowhere/at/all",
    ],
)
def test_a_weak_or_missing_key_is_refused_by_name_and_never_printed(purpose: KeyPurpose, keys: str) -> None:
    with pytest.raises(ValidationError, match=f"JOLDAMA_INTAKE_{purpose.upper()}_KEYS") as caught:
        settings(**three(**{f"intake_{purpose}_keys": keys}))
    assert len(keys) < 20 or keys[2:] not in str(caught.value)


def test_one_key_is_not_for_two_purposes() -> None:
    same = new()
    with pytest.raises(ValidationError, match="INDEX_KEYS: the same key"):
        settings(**three(intake_data_keys=f"1:{same}", intake_index_keys=f"1:{same}"))
    with pytest.raises(ValidationError, match="DATA_KEYS: the same key"):
        settings(**three(intake_data_keys=f"1:{same}", intake_data_key=same))


def test_local_mode_starts_without_a_key() -> None:
    assert [list(ring) for ring in settings(mode="local").keys.rings.values()] == [[1]] * 3


def test_keys_may_be_in_a_file(tmp_path: Path) -> None:
    (file := tmp_path / "keys").write_text(f"1:{new()}\n")
    assert list(settings(**three(intake_data_keys=f"@{file}")).keys.rings[KeyPurpose.DATA]) == [1]


def test_an_installation_that_is_older_than_versions_starts_with_its_keys() -> None:
    key, old = new(), new()
    found = settings(intake_data_key=key, intake_old_data_keys=f"{old}, ").keys
    assert found.unversioned == (base64.b64decode(key), base64.b64decode(old))
    by = [ring[UNVERSIONED] for ring in found.rings.values()]
    assert by == [found.unversioned[0], found.unversioned[1], found.unversioned[1]], "the oldest made the indexes"
    with pytest.raises(ValidationError, match="JOLDAMA_INTAKE_OLD_DATA_KEYS"):
        settings(intake_data_key=key, intake_old_data_keys="xx")
    with pytest.raises(ValidationError, match="JOLDAMA_INTAKE_DATA_KEY: the key can be guessed"):
        settings(intake_data_key=LOCAL_KEY)


def test_a_key_of_events_is_32_random_bytes_or_none() -> None:
    assert settings(**three()).signing_key == b""
    assert len(settings(**three(), event_key=new()).signing_key) == 32


@pytest.mark.parametrize(
    "key", ["no base64!", base64.b64encode(b"short").decode(), base64.b64encode(b"a" * 32).decode()]
)
def test_a_weak_key_of_events_is_refused_by_its_variable_and_not_told(key: str) -> None:
    with pytest.raises(ValidationError, match="JOLDAMA_EVENT_KEY") as refused:
        settings(**three(), event_key=key)
    assert key not in str(refused.value)
