"""The recipes of docs/operations.md on the composed network, by the commands that stand there."""

import os
import subprocess
from pathlib import Path

import pytest

from services.kit.settings import CHECKOUT
from tests.compose.composed import Composed
from tests.compose.test_journey import check_places, routed
from tests.support.eventually import eventually


def lose(composed: Composed, server: str) -> None:
    """The server's container and its data are gone; then an empty one is started."""
    composed.compose("rm", "--stop", "--force", server)
    subprocess.run(["docker", "volume", "rm", f"{composed.project}_{server}"], check=True, capture_output=True)
    composed.compose("up", "--wait", server)


def audited(composed: Composed) -> bool:
    """Whether the command says that every place is accounted for, with nothing still on its way."""
    said = composed.operator("audit", check=False)
    return said.startswith("Every place is accounted for") and said.count("\n") == 1


async def test_capacity_is_whole_after_redis_was_lost_with_its_data(composed: Composed) -> None:
    await routed(composed, composed.submit(20, seed=51))
    lose(composed, "redis")
    await eventually(lambda: audited(composed), "the audit is clean", within=60)
    await check_places(composed)


@pytest.mark.recipes
async def test_who_was_submitted_is_routed_after_kafka_was_lost_with_its_data(composed: Composed) -> None:
    before = composed.submit(20, seed=52)
    lose(composed, "kafka")
    composed.compose("run", "--rm", "-T", "topics")
    await routed(composed, before | composed.submit(20, seed=53))
    await eventually(lambda: audited(composed), "the audit is clean", within=60)
    assert composed.operator("dead-letters", "list").startswith("0 open"), "nothing was refused"


@pytest.mark.recipes
async def test_a_backup_makes_the_network_whole_again_and_it_takes_who_came_since(
    composed: Composed, tmp_path: Path
) -> None:
    before = composed.submit(40, seed=54)
    await routed(composed, before)
    backup = script(composed, "deploy/backup", str(tmp_path)).splitlines()[-1]
    composed.submit(10, seed=55)
    with pytest.raises(subprocess.CalledProcessError):
        script(composed, "deploy/restore", backup, answer="no")
    script(composed, "deploy/restore", backup, answer=composed.project)
    await eventually(lambda: audited(composed), "the audit is clean", within=60)
    assert "as they were written" in composed.operator("audit-log", "verify")
    await routed(composed, before | composed.submit(10, seed=55))
    await eventually(lambda: audited(composed), "the audit is clean again", within=60)


def script(composed: Composed, *words: str, answer: str = "") -> str:
    """The output of a script that runs `docker compose` itself."""
    environment = {"COMPOSE_PROJECT_NAME": composed.project, "COMPOSE_ENV_FILES": str(composed.env_file)}
    done = subprocess.run(
        words, cwd=CHECKOUT, env={**os.environ, **environment}, input=answer, capture_output=True, text=True, check=True
    )
    return done.stdout
