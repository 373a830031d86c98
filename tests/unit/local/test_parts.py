"""The environment of the local network's processes."""

from pathlib import Path

import pytest

from services.local.home import Home
from services.local.issuer import KEYS
from services.local.parts import Part, jobs, services, shared_environment
from services.local.plan import Plan, make_plan
from services.local.ports import Ports


@pytest.fixture
def plan(tmp_path: Path) -> Plan:
    home = Home(tmp_path)
    home.make()
    for name in KEYS:
        (home.secrets / name).write_text("key")
    with Ports() as ports:
        return make_plan(home, ports, {"JOLDAMA_KAFKA_SERVERS": "k:1", "JOLDAMA_REDIS_URL": "redis://r:1/0"})


def by_name(plan: Plan) -> dict[str, Part]:
    return {one.name: one for one in services(plan)}


def test_a_worker_restarts_under_its_old_name(plan: Plan) -> None:
    """With another one it would wait until its old self's session has timed out."""
    instances = [by_name(plan)["referral-worker"].environment["JOLDAMA_WORKER_INSTANCE"] for _ in range(2)]
    assert instances[0] == instances[1]


def test_each_process_gets_the_address_of_its_own_store_only(plan: Plan) -> None:
    stores = {"JOLDAMA_INTAKE_SQL_URL", "JOLDAMA_REFERRAL_SQL_URL", "JOLDAMA_REDIS_URL", "JOLDAMA_SESSIONS_URL"}
    others = {"capacity": "REDIS_URL", "console": "SESSIONS_URL"}
    for name, part in by_name(plan).items():
        service = name.partition("-")[0]
        own = others.get(service, f"{service.upper()}_SQL_URL")
        assert part.environment.keys() & stores == {f"JOLDAMA_{own}"}, name
    assert not stores & shared_environment(plan).keys()


def test_assets_are_built_into_the_folder_that_the_console_reads(
    plan: Plan, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whatever environment the network's processes get besides."""
    monkeypatch.setenv("JOLDAMA_CACHE", str(tmp_path / "cache"))
    build = next(one for one in jobs(plan) if one.name == "console-assets")
    read = Path(by_name(plan)["console"].environment["JOLDAMA_ASSETS"])
    assert read.parent == Path(build.environment["JOLDAMA_CACHE"])
