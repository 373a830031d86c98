"""Exit codes, and expected failures, which are shown as one sentence instead of a traceback."""

import sys
from contextlib import suppress
from enum import IntEnum
from typing import Any

PASSING = frozenset({429, 502, 503, 504})
"""HTTP statuses after which a retry may succeed."""


class ExitCode(IntEnum):
    """The exit codes; `docs/cli.md` lists them."""

    DONE = 0
    REFUSED = 1
    USAGE = 2
    NO_NETWORK = 3
    NOT_ALLOWED = 4
    NOT_FOUND = 5
    INTERRUPTED = 130
    PIPE_CLOSED = 141


_CODES = {401: ExitCode.NOT_ALLOWED, 403: ExitCode.NOT_ALLOWED, 404: ExitCode.NOT_FOUND}
_SIGNS = {code: 0x2400 + code for code in range(32) if code not in b"\t\n"} | {0x7F: 0x2421}
_SIGNS |= dict.fromkeys((*range(0x80, 0xA0), *range(0x202A, 0x202F), *range(0x2066, 0x206A)), 0xFFFD)
"""Control pictures for control characters; those of eight bits and the ones that turn the direction have none."""


class Failure(Exception):
    """An expected failure: its message says what to do, and `code` is the exit code."""

    def __init__(self, code: ExitCode, message: str) -> None:
        super().__init__(message)
        self.code = code


class Unreachable(Failure):
    """A broken connection, or an answer that is not of Joldama."""

    def __init__(self, message: str) -> None:
        super().__init__(ExitCode.NO_NETWORK, message)


class NoNetwork(Unreachable):
    """No network: the message says how to start one."""

    def __init__(self, reason: str) -> None:
        super().__init__(
            f"{reason} If it is starting again, ask once more in a moment.\n"
            "Start a network with `make up` or `joldama up`, or name one by JOLDAMA_INTAKE_URL, JOLDAMA_REFERRAL_URL "
            "and JOLDAMA_CAPACITY_URL."
        )


class Refused(Failure):
    """An error answer of a service; `problem` is its problem document, or empty."""

    def __init__(self, status: int, problem: dict[str, Any]) -> None:
        self.status, self.problem = status, problem
        code = ExitCode.NO_NETWORK if status in PASSING else _CODES.get(status, ExitCode.REFUSED)
        super().__init__(code, describe(status, problem))


def describe(status: int, problem: dict[str, Any]) -> str:
    """A problem in words: the detail, a line for each field, and the actions that are allowed."""
    head = str(problem.get("detail") or problem.get("title") or f"The service answered {status}.")
    if code := problem.get("code"):
        head += f" ({code})"
    fields = [f"{one.get('field')}: {one.get('message')}" for one in problem.get("errors", [])]
    lines = [head, *(f"  {one}" for one in fields if one != problem.get("detail"))]
    if "allowed_actions" in problem:
        lines.append(f"  allowed now: {', '.join(problem['allowed_actions']) or 'nothing'}")
    if status in (401, 403):
        lines.append("  The token is --token, JOLDAMA_TOKEN, or on a local network --as ROLE [--org ID].")
    return "\n".join(lines)


def visible(text: str) -> str:
    """`text` with a sign in place of each character that a terminal would obey: nobody's name is a command to it."""
    return text.translate(_SIGNS)


def say(line: str) -> None:
    """Print a line to standard error; a closed standard error is no failure."""
    with suppress(OSError):
        print(visible(line), file=sys.stderr, flush=True)
