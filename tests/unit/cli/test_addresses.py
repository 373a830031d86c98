"""`joldama urls` and `joldama token`."""

import json
import re
from pathlib import Path

import pytest
from fastapi import FastAPI
from joserfc import jwt
from joserfc.jwk import KeySet

from tests.unit.cli.conftest import Harness, Joldama

WRITTEN = {
    "console": "http://127.0.0.1:9",
    "intake": "http://127.0.0.1:1",
    "referral": "http://127.0.0.1:2",
    "capacity": "http://127.0.0.1:3",
    "kafka": "127.0.0.1:9192",
    "redis": "redis://:hidden@127.0.0.1:6479/0",
    "sql": {"intake": "sqlite:////a.sqlite3", "referral": "postgresql+psycopg://u:hidden@h/r"},
    "inside": {"intake": "http://127.0.0.1:4", "referral-worker": "http://127.0.0.1:5"},
    "logs": "/somewhere",
}


@pytest.fixture
def written(home: Path) -> None:
    home.mkdir()
    (home / "network.json").write_text(json.dumps(WRITTEN))


@pytest.mark.usefixtures("written")
def test_json_output_of_urls_has_the_addresses_in_the_network_file(joldama: Joldama) -> None:
    told = json.loads(joldama("urls", "--json").stdout)
    assert told == {
        name: WRITTEN[name] for name in ("console", "intake", "referral", "capacity", "kafka", "redis", "sql", "inside")
    }


@pytest.mark.usefixtures("written")
def test_urls_show_no_password(joldama: Joldama) -> None:
    shown = joldama("urls").stdout
    assert "hidden" not in shown
    assert "postgresql+psycopg://u:***@h/r" in shown


@pytest.mark.usefixtures("written")
def test_urls_show_where_documentation_and_probes_are(joldama: Joldama) -> None:
    shown = joldama("urls").stdout
    assert re.search(r"inside intake +http://127.0.0.1:4", shown)
    assert re.search(r"inside referral-worker +http://127.0.0.1:5", shown)


@pytest.mark.usefixtures("written")
def test_the_environment_replaces_single_addresses(joldama: Joldama, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("JOLDAMA_INTAKE_URL", "https://intake.example")
    monkeypatch.setenv("JOLDAMA_REFERRAL_SQL_URL", "sqlite:///b")
    told = json.loads(joldama("urls", "--json").stdout)
    assert (told["intake"], told["capacity"]) == ("https://intake.example", WRITTEN["capacity"])
    assert told["sql"] == {"intake": "sqlite:////a.sqlite3", "referral": "sqlite:///b"}


def test_a_remote_network_needs_no_network_file(joldama: Joldama, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("JOLDAMA_CAPACITY_URL", "https://capacity.example")
    assert json.loads(joldama("urls", "--json").stdout)["capacity"] == "https://capacity.example"


@pytest.mark.usefixtures("written")
def test_a_remote_network_gets_no_local_token(joldama: Joldama, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("JOLDAMA_CAPACITY_URL", "https://capacity.example")
    ended = joldama("capacity")
    assert ended.exit_code == 4
    assert "JOLDAMA_TOKEN" in ended.stderr


def test_a_token_carries_role_and_organization(joldama: Joldama, home: Path, issuer: Path) -> None:
    home.mkdir()
    (home / "secrets").symlink_to(issuer)
    printed = joldama("token", "center", "--org", "almaty").stdout.strip()
    keys = KeySet.import_key_set(json.loads((issuer / "jwks.json").read_text()))
    claims = jwt.decode(printed, keys).claims
    assert (claims["roles"], claims["org"], claims["aud"]) == (["center"], "almaty", "joldama")


def test_a_polyclinic_s_token_is_by_default_the_demo_polyclinic_s(joldama: Joldama, home: Path, issuer: Path) -> None:
    home.mkdir()
    (home / "secrets").symlink_to(issuer)
    ended = joldama("token", "polyclinic")
    claims = jwt.decode(
        ended.stdout.strip(), KeySet.import_key_set(json.loads((issuer / "jwks.json").read_text()))
    ).claims
    assert claims["org"] == "demo-polyclinic"
    assert "demo-polyclinic" in ended.stderr


def test_a_center_s_token_needs_an_organization(joldama: Joldama) -> None:
    ended = joldama("token", "center")
    assert (ended.exit_code, ended.stdout) == (2, "")
    assert "token center --org almaty-cp-center" in ended.stderr


@pytest.mark.usefixtures("written")
def test_urls_says_that_the_network_is_not_running(joldama: Joldama) -> None:
    ended = joldama("urls")
    assert ended.exit_code == 0
    assert "127.0.0.1:3" in ended.stdout
    assert "not running now" in ended.stderr


def test_urls_of_a_running_network_prints_nothing_to_standard_error(joldama: Joldama, harness: Harness) -> None:
    with harness.serve(FastAPI()):
        assert joldama("urls").stderr == ""


def test_an_unknown_role_is_a_usage_error(joldama: Joldama) -> None:
    assert joldama("token", "king").exit_code == 2
