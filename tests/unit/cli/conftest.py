"""The command in this process, a home of the test's own, and stub services on real ports."""

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from fastapi import FastAPI, Request
from joserfc import jwt
from joserfc.jwk import KeySet
from starlette.types import ASGIApp
from typer.testing import Result

from services.kit.http.problem_answers import install_problems
from services.kit.http.problems import Problem
from services.local.home import Home
from services.local.issuer import make_secrets
from tests.support.terminal import run_joldama, serving

Joldama = Callable[..., Result]


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A home of this test's own; no address comes from the environment."""
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
    """The secrets of a local network, made once, because making a key is slow."""
    home = Home(tmp_path_factory.mktemp("issuer"))
    home.make()
    make_secrets(home)
    return home.secrets


@dataclass
class Harness:
    """A local network whose three services are one app on a real port."""

    home: Path
    issuer: Path

    @contextmanager
    def serve(self, app: ASGIApp) -> Iterator[str]:
        """Serve `app` and write a home that names it; yields its URL."""
        with serving(app) as url:
            self.home.mkdir(exist_ok=True)
            (self.home / "network.json").write_text(json.dumps(dict.fromkeys(("intake", "referral", "capacity"), url)))
            (self.home / "secrets").symlink_to(self.issuer)
            yield url


@pytest.fixture
def harness(home: Path, issuer: Path) -> Harness:
    return Harness(home, issuer)


class StubApi:
    """A stub of a service's API: it records its calls, and answers with `problems` first."""

    def __init__(self, harness: Harness) -> None:
        self.calls: list[tuple[str, str, str, Any]] = []
        self.problems: list[Problem] = []
        self._keys = KeySet.import_key_set(json.loads((harness.issuer / "jwks.json").read_text()))
        self.app = FastAPI()
        install_problems(self.app)

    def note(self, what: str, request: Request, body: Any = None) -> None:
        """Record a call with its token's role and organization."""
        claims = jwt.decode(request.headers["authorization"].removeprefix("Bearer "), self._keys).claims
        self.calls.append((what, claims["roles"][0], claims["org"], body))
        if self.problems:
            raise self.problems.pop(0)
