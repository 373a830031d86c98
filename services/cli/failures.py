"""How a command ends: the exit codes, and expected failures as one sentence instead of a traceback."""

import os
import sys
from contextlib import suppress
from enum import IntEnum
from typing import Any

from typer import Exit
from typer.core import TyperGroup


class ExitCode(IntEnum):
    """What a script may rely on; `docs/cli.md` has the same table."""

    DONE = 0
    REFUSED = 1
    USAGE = 2
    NO_NETWORK = 3
    NOT_ALLOWED = 4
    NOT_FOUND = 5
    INTERRUPTED = 130
    PIPE_CLOSED = 141


class Failure(Exception):
    """An expected failure: the message says what to do, and the command ends with `code`."""

    def __init__(self, code: ExitCode, message: str) -> None:
        super().__init__(message)
        self.code = code


def no_network(reason: str) -> Failure:
    """Nobody answers: says how a network is started."""
    return Failure(
        ExitCode.NO_NETWORK,
        f"{reason} If it is starting again, ask once more in a moment.\n"
        "Start a network with `make up` or `joldama up`, or name one by JOLDAMA_INTAKE_URL, JOLDAMA_REFERRAL_URL and "
        "JOLDAMA_CAPACITY_URL.",
    )


class Commands(TyperGroup):
    """The commands, with every expected failure turned into its sentence and its exit code."""

    def invoke(self, ctx: Any) -> Any:
        try:
            result = super().invoke(ctx)
            sys.stdout.flush()
            return result
        except Failure as failure:
            say(f"joldama: {failure}")
            raise Exit(failure.code) from None
        except KeyboardInterrupt:
            raise Exit(ExitCode.INTERRUPTED) from None
        except BrokenPipeError:
            _stop_writing()
            raise Exit(ExitCode.PIPE_CLOSED) from None


def say(line: str) -> None:
    """One line to standard error; nobody listening there is no failure."""
    with suppress(OSError):
        print(line, file=sys.stderr, flush=True)


def _stop_writing() -> None:
    """Point standard output to nowhere, so that the flush at exit does not fail once more."""
    with suppress(OSError, ValueError):
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, sys.stdout.fileno())
        os.close(nowhere)
