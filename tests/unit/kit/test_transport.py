"""Production refuses what would go in the clear, names the variable, and repeats no secret."""

import os
from base64 import b64encode
from typing import Any

import pytest
from pydantic import SecretStr, ValidationError

from services.capacity.settings import CapacitySettings
from services.console.settings import ConsoleSettings
from services.intake.settings import IntakeSettings
from services.kit.settings import ServiceSettings
from services.kit.transport import plaintext
from services.referral.settings import ReferralSettings

SECRET = "geheim77"
AUDIT_KEY = b64encode(os.urandom(32)).decode()
SAFE: dict[type[ServiceSettings], dict[str, Any]] = {
    ReferralSettings: {
        "referral_sql_url": f"postgresql+psycopg://r:{SECRET}@db/r?sslmode=verify-full", "capacity_url": "https://c",
        "intake_url": "https://i",
    },
    IntakeSettings: {
        "intake_sql_url": f"postgresql+psycopg://i:{SECRET}@db/i?sslmode=verify-full&sslrootcert=/ca",
        "referral_url": "https://r",
        **{f"intake_{one}_keys": f"1:{b64encode(os.urandom(32)).decode()}" for one in ("data", "index", "pseudonym")},
    },
    CapacitySettings: {"redis_url": f"rediss://:{SECRET}@r:6379/0?ssl_ca_certs=/ca", "referral_url": "https://r"},
    ConsoleSettings: {
        "sessions_url": f"rediss://:{SECRET}@r:6379/0?ssl_ca_certs=/ca",
        "console_key": b64encode(os.urandom(32)).decode(),
        "intake_url": "https://i", "referral_url": "https://r", "capacity_url": "https://c", "console_url": "https://o",
        "processes": {"referral-worker": "https://w"},
    },
}  # fmt: skip


def make(kind: type[ServiceSettings], **changes: Any) -> ServiceSettings:
    safe = {"kafka_servers": "k", "kafka_security": "SASL_SSL", "kafka_password": SECRET, "mode": "production"}
    safe["audit_key"] = AUDIT_KEY
    return kind(**safe | SAFE[kind] | changes)


@pytest.mark.parametrize("kind", SAFE)
def test_production_takes_tls_everywhere(kind: type[ServiceSettings]) -> None:
    made = make(kind)
    assert (made.mode, made.plaintext_inside, made.kafka_security) == ("production", False, "SASL_SSL")


@pytest.mark.parametrize(
    ("kind", "name", "value"),
    [
        (ReferralSettings, "referral_sql_url", f"postgresql+psycopg://r:{SECRET}@db/r"),
        (ReferralSettings, "referral_sql_url", f"postgresql+psycopg://r:{SECRET}@db/r?sslmode=require"),
        (ReferralSettings, "capacity_url", f"http://u:{SECRET}@c"),
        (ReferralSettings, "kafka_security", "PLAINTEXT"),
        (ReferralSettings, "kafka_security", "SASL_PLAINTEXT"),
        (ReferralSettings, "jwks", f"http://id/{SECRET}"),
        (IntakeSettings, "intake_sql_url", f"postgresql://i:{SECRET}@db/i?sslmode=prefer"),
        (IntakeSettings, "referral_url", "http://r"),
        (ConsoleSettings, "sessions_url", f"redis://:{SECRET}@r:6379/0"),
        (ConsoleSettings, "processes", {"referral-worker": f"http://u:{SECRET}@w"}),
        (CapacitySettings, "redis_url", f"redis://:{SECRET}@r:6379/0"),
        (CapacitySettings, "redis_url", f"redis+cluster://:{SECRET}@r:6379/0"),
        (CapacitySettings, "redis_url", f"rediss+cluster://:{SECRET}@r:6379/0?ssl_cert_reqs=none"),
        (CapacitySettings, "redis_url", f"rediss://:{SECRET}@r:6379/0?ssl_cert_reqs=none"),
        (CapacitySettings, "redis_url", f"rediss://:{SECRET}@r:6379/0?ssl_check_hostname=false"),
        (CapacitySettings, "limits_url", SecretStr(f"redis://:{SECRET}@r:6379/0")),
    ],
)
def test_production_refuses_the_clear_unless_told(kind: type[ServiceSettings], name: str, value: Any) -> None:
    with pytest.raises(ValidationError) as refusal:
        make(kind, **{name: value})
    assert f"JOLDAMA_{name.upper()}" in str(refusal.value)
    assert "JOLDAMA_PLAINTEXT_INSIDE=yes" in str(refusal.value)
    assert SECRET not in str(refusal.value)
    make(kind, **{name: value}, plaintext_inside="yes")
    make(kind, **{name: value}, mode="local")


@pytest.mark.parametrize("kind", SAFE)
def test_no_settings_show_a_secret(kind: type[ServiceSettings]) -> None:
    shown = repr(make(kind))
    assert SECRET not in shown
    assert SECRET not in str(make(kind))


@pytest.mark.parametrize("mode", ["local", "production"])
def test_an_unreadable_url_is_named_without_its_password(mode: str) -> None:
    with pytest.raises(ValidationError, match="JOLDAMA_REDIS_URL is no URL") as refusal:
        make(CapacitySettings, redis_url=f"rediss://:ab/{SECRET}@r:6379/0".replace(":ab/", f":{SECRET}/"), mode=mode)
    assert SECRET not in str(refusal.value)


@pytest.mark.parametrize(
    "url", ["sqlite:///x", "/var/keys.json", "unix:///run/redis.sock", "postgresql://u@/db?host=/run/postgresql"]
)
def test_what_stays_on_this_machine_is_not_in_the_clear(url: str) -> None:
    assert plaintext(url) == ""
