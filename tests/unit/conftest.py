"""The services' applications, which nobody starts."""

from typing import Any

import pytest

from services.capacity.entrypoints.api import app_of
from services.capacity.settings import CapacitySettings
from services.intake.entrypoints.api import create_api
from services.intake.settings import IntakeSettings
from services.kit.http.app import Apps
from services.kit.settings import Mode
from services.referral.entrypoints.api import build
from services.referral.settings import ReferralSettings

UNUSED = "http://unused"


@pytest.fixture(scope="session")
def apps() -> dict[str, Apps]:
    """By service."""
    shared: dict[str, Any] = {"mode": Mode.LOCAL, "kafka_servers": "unused"}
    return {
        "intake": create_api(IntakeSettings(intake_sql_url="sqlite:///unused", referral_url=UNUSED, **shared)),
        "referral": build(
            ReferralSettings(referral_sql_url="sqlite:///unused", capacity_url=UNUSED, intake_url=UNUSED, **shared)
        ),
        "capacity": app_of(CapacitySettings(redis_url="redis://unused", **shared)),
    }
