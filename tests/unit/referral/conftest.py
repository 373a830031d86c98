"""Fakes of the referral service."""

import pytest

from tests.unit.referral.handlers import Country


@pytest.fixture
def country() -> Country:
    return Country()
