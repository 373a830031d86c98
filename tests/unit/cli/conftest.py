"""A terminal without a network, and a small server where the network's edge must answer."""

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from starlette.types import ASGIApp
from typer.testing import Result

from services.local.home import Home
from services.local.issuer import make_secrets
from tests.support.terminal import run_joldama, serving

Joldama = Callable[..., Result]


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A home of this test's own, and no address from the outside."""
    for name in ("INTAKE_URL", "REFERRAL_URL", "CAPACITY_URL", "KAFKA_SERVERS", "REDIS_URL", "TOKEN"):
        monkeypatch.delenv(f"JOLDAMA_{name}", raising=False)
    for name in ("INTAKE_SQL_URL", "REFERRAL_SQL_URL"):
        monkeypatch.delenv(f"JOLDAMA_{name}", raising=False)
    monkeypatch.setenv("JOLDAMA_HOME", str(tmp_path / "home"))
    return tmp_path / "home"


@pytest.fixture
def joldama() -> Joldama:
    """Runs the command in this process: `joldama("urls", "--json")`."""
    return run_joldama


@pytest.fixture(scope="session")
def issuer(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The secrets of a local network, made once: a key takes a while."""
    home = Home(tmp_path_factory.mktemp("issuer"))
    home.make()
    make_secrets(home)
    return home.secrets


@dataclass
class Stage:
    """A local network whose three services are one app on a real port."""

    home: Path
    issuer: Path
    calls: list[Any] = field(default_factory=list)

    @contextmanager
    def play(self, app: ASGIApp) -> Iterator[str]:
        """Serve `app` and write a home that names it; yields its URL."""
        with serving(app) as url:
            self.home.mkdir(exist_ok=True)
            (self.home / "network.json").write_text(json.dumps(dict.fromkeys(("intake", "referral", "capacity"), url)))
            (self.home / "secrets").symlink_to(self.issuer)
            yield url


@pytest.fixture
def stage(home: Path, issuer: Path) -> Stage:
    return Stage(home, issuer)
