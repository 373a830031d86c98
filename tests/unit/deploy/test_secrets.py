"""The secrets of `make env` and of a trial's issuer: fresh, long, and readable by their owner only."""

import json
import signal
import subprocess
import sys
from pathlib import Path

from joserfc import jws

from services.contracts.vocabulary import PROCESSES
from services.kit.settings import CHECKOUT
from tests.support.servers import wait_until


def make_env(target: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "deploy/make_env.py", str(target)], cwd=CHECKOUT, capture_output=True, text=True, check=False
    )


def values(file: Path) -> dict[str, str]:
    lines = [line for line in file.read_text().splitlines() if line and not line.startswith("#")]
    return dict(line.split("=", 1) for line in lines)


def test_every_empty_place_gets_a_secret_of_its_own_that_only_the_owner_reads(tmp_path: Path) -> None:
    assert make_env(tmp_path / "one").returncode == make_env(tmp_path / "two").returncode == 0
    one, two = values(tmp_path / "one"), values(tmp_path / "two")
    filled = {name for name, value in values(CHECKOUT / ".env.example").items() if not value}
    secrets = [values[name] for values in (one, two) for name in filled]
    assert len(filled) == 19
    assert len(set(secrets)) == len(secrets)
    assert min(map(len, secrets)) >= 44
    assert (tmp_path / "one").stat().st_mode & 0o777 == 0o600


def test_an_env_file_that_is_there_is_left_as_it_is(tmp_path: Path) -> None:
    (tmp_path / ".env").write_text("mine")
    refused = make_env(tmp_path / ".env")
    assert refused.returncode == 1
    assert "nothing was changed" in refused.stderr
    assert (tmp_path / ".env").read_text() == "mine"


def renew(target: Path, *names: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "deploy/make_env.py", "--file", str(target), "--renew", *names]
    return subprocess.run(command, cwd=CHECKOUT, capture_output=True, text=True, check=False)


def test_a_renewed_secret_keeps_what_is_still_read_by_the_old_one(tmp_path: Path) -> None:
    make_env(env := tmp_path / "env")
    old = values(env)
    named = ("JOLDAMA_INTAKE_DATA_KEYS", "JOLDAMA_AUDIT_KEY", "JOLDAMA_CONSOLE_KEY", "JOLDAMA_REDIS_PASSWORD")
    assert [renew(env, *named).returncode for _ in range(2)] == [0, 0]
    new = values(env)
    third, second, first = new["JOLDAMA_INTAKE_DATA_KEYS"].split(",")
    assert (third[:2], second[:2], first) == ("3:", "2:", old["JOLDAMA_INTAKE_DATA_KEYS"])
    for name, kept in (("AUDIT", "JOLDAMA_OLD_AUDIT_KEYS"), ("CONSOLE", "JOLDAMA_OLD_CONSOLE_KEYS")):
        before, oldest = new[kept].split(",")
        assert oldest == old[f"JOLDAMA_{name}_KEY"], "the newest of the old ones is first"
        assert len({before, oldest, new[f"JOLDAMA_{name}_KEY"]}) == 3
    assert new["JOLDAMA_REDIS_PASSWORD"] != old["JOLDAMA_REDIS_PASSWORD"]
    assert {name for name in old if new[name] != old[name]} == set(named), "nothing else has changed"
    assert env.stat().st_mode & 0o777 == 0o600


def test_what_is_no_secret_of_the_file_is_not_renewed(tmp_path: Path) -> None:
    make_env(env := tmp_path / "env")
    held = "JOLDAMA_INTAKE_DATA_KEY=old\nJOLDAMA_CONSOLE_ISSUER_KEY=@file\nJOLDAMA_TWICE_KEY=a\nJOLDAMA_TWICE_KEY=b\n"
    env.write_text(before := env.read_text() + held)
    named = [one.partition("=")[0] for one in held.splitlines()]
    for name in ("COMPOSE_PROFILES", "JOLDAMA_OLD_AUDIT_KEYS", "JOLDAMA_NO_KEY", *named):
        refused = renew(env, "JOLDAMA_EVENT_KEY", name)
        assert refused.returncode == 1
        assert name in refused.stderr
    assert env.read_text() == before


def test_the_trial_issuer_publishes_its_public_key_and_a_token_for_each_process_and_ends_when_told(
    tmp_path: Path,
) -> None:
    for folder in ("keys", *PROCESSES):
        (tmp_path / folder).mkdir()
    environment = {"JOLDAMA_HOME": str(tmp_path / "issuer"), "PYTHONPATH": str(CHECKOUT)}
    with subprocess.Popen([sys.executable, "deploy/trial_issuer.py"], cwd=CHECKOUT, env=environment) as issuer:
        wait_until((tmp_path / PROCESSES[-1] / "service-token").exists, "the tokens are there", issuer)
        issuer.send_signal(signal.SIGTERM)
        assert issuer.wait(10) == 0
    [key] = json.loads((tmp_path / "keys" / "jwks.json").read_text())["keys"]
    assert key.keys() <= {"kty", "n", "e", "kid", "use", "alg"}
    assert {path.name for path in (tmp_path / "keys").iterdir()} == {"jwks.json"}
    for role in PROCESSES:
        [token] = (tmp_path / role).iterdir()
        assert jws.extract_compact(token.read_bytes()).payload.count(f'"roles":["{role}"]'.encode()) == 1
