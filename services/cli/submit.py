"""`joldama submit`: sends a file of submissions to intake, and reports its errors line by line."""

import os
import stat
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import IO, Annotated, Any
from uuid import uuid4

import typer
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn
from rich.text import Text

from services.cli.caller import Caller, command
from services.cli.failures import ExitCode, Failure, Refused, say, visible
from services.cli.render import paper
from services.cli.sending import Outcome, complaints, is_taken, send, warnings
from services.cli.streams import json_line
from services.cli.submissions import Format, Part, Submissions, header_needed
from services.cli.token import LOCAL_POLYCLINIC
from services.contracts.vocabulary import Role

SECONDS = 120
"""The longest wait for an answer, which comes after a whole part."""
SHOWN = 3
"""The number of new referrals that are named at the end."""


FileName = Annotated[str, typer.Argument(metavar="FILE", help="CSV or NDJSON; - for standard input.")]
FileFormat = Annotated[Format | None, typer.Option(help="What FILE is.", show_default="by its name, or its first line")]
ErrorsFile = Annotated[
    Path | None, typer.Option(metavar="FILE", help="File for refusals.", show_default="standard error")
]
AsJson = Annotated[bool, typer.Option("--json", help="Print each line's result as NDJSON.")]
PartSize = Annotated[int, typer.Option(min=1, max=2_000, help="Submissions sent at a time.")]
RunKey = Annotated[str | None, typer.Option(help="Key of an earlier run, to take nothing twice.")]
Patience = Annotated[float, typer.Option(min=0, metavar="SECONDS", help="How long to try while the network is away.")]


@command
def submit(
    caller: Caller,
    file: FileName,
    format: FileFormat = None,
    errors: ErrorsFile = None,
    json: AsJson = False,
    part: PartSize = 500,
    key: RunKey = None,
    patience: Patience = 30.0,
) -> None:
    """Submit diagnoses to intake, any number of them.

    FILE has one submission a line (NDJSON, as for POST /v1/diagnoses), or is a CSV with the columns of docs/cli.md,
    as a spreadsheet saves it: CSV UTF-8, or CSV with Russian letters. Phones, dates and codes may be as people write
    them; what cannot be read as one thing is refused with its line, its field and what to type. The other lines are
    taken. Warnings (yellow) are about lines that were taken.

    A child without an IIN who looks like one with an open referral is refused (possible_duplicate). A twin is sent
    again with that referral's id in a further column, not_duplicate_of (several with ; between; ; alone when the
    refusal names none).

    It is sent in parts; a part that fails is sent again. Exit code 0: all taken; 1: some refused.

    Example: joldama demo-children --count 200 --seed 7 | joldama submit -
    """
    tally, key = Tally(), key or str(uuid4())
    with ExitStack() as stack:
        source = _open(file, "rb", stack) if file != "-" else sys.stdin.buffer
        out = _open_errors(errors, source, stack) if errors else None
        submissions = Submissions(source, file, format)
        api = stack.enter_context(caller.api("intake", Role.POLYCLINIC, LOCAL_POLYCLINIC, SECONDS))
        bar = stack.enter_context(_progress())
        task = bar.add_task("Submitting", total=_size(source), counts="")
        stack.enter_context(_saying_how_to_go_on(tally, file, key))
        for one in submissions.parts(part):
            tally.sending = one
            outcomes = send(api, one, submissions.kind, f"{key}/{part}/{one.records[0].line}", patience)
            tally.count(outcomes)
            bar.update(task, completed=one.read, counts=tally.counts)
            _report(outcomes, file, submissions.kind, json, out)
    _conclude(tally, file, json)


@contextmanager
def _saying_how_to_go_on(tally: "Tally", file: str, key: str) -> Iterator[None]:
    """Of a run that stops in its midst: what was taken, what may have been, and the command that goes on."""
    try:
        yield
    except (KeyboardInterrupt, Failure) as stop:
        # after any other failure before the first answer, nothing was taken
        if tally.line or not isinstance(stop, Failure) or stop.code is ExitCode.NO_NETWORK:
            say(f"Stopped: {tally}.{tally.unsure} To go on: the same command with --key {key}")
        raise _explained(stop, file) from None


def _conclude(tally: "Tally", file: str, json: bool) -> None:
    """The numbers of the whole run. Raises Failure for a file without rows, and Exit when some were refused."""
    if not tally.line:
        raise Failure(ExitCode.USAGE, f"{file}: the file has no rows.")
    (say if json else print)(str(tally))
    if tally.first and not json:
        say(f"first: {', '.join(tally.first)}; all: joldama referrals")
    if tally.refused:
        raise typer.Exit(ExitCode.REFUSED)


class Tally:
    """The numbers of taken and refused submissions, the last line, and the first referrals."""

    def __init__(self) -> None:
        self.taken = self.refused = self.warned = self.line = 0
        self.first: list[str] = []
        self.sending: Part | None = None
        self._began = time.monotonic()

    def count(self, outcomes: list[Outcome]) -> None:
        taken = [str(one.get("referral_id")) for one in outcomes if is_taken(one)]
        self.taken, self.refused = self.taken + len(taken), self.refused + len(outcomes) - len(taken)
        self.warned += sum(bool(one.get("warnings")) for one in outcomes)
        self.line, self.sending = outcomes[-1]["line"], None
        self.first += taken[: SHOWN - len(self.first)]

    @property
    def counts(self) -> str:
        warned = f" ({self.warned:,} with warnings)" if self.warned else ""
        return f"{self.taken:,} taken{warned}, {self.refused:,} refused"

    @property
    def unsure(self) -> str:
        """A sentence about a part whose answer did not come."""
        if not (part := self.sending):
            return ""
        return f" Lines {part.records[0].line}-{part.records[-1].line} may have been taken too."

    def __str__(self) -> str:
        return f"{self.counts}, up to line {self.line} ({time.monotonic() - self._began:.1f} s)"


def _report(outcomes: list[Outcome], file: str, kind: Format, json: bool, out: IO[str] | None) -> None:
    """Print results for a script, and refusals to the file of `--errors`, or else to standard error.

    Warnings are not refusals: they are printed in yellow.
    """
    if json:
        sys.stdout.write("".join(json_line(one, sys.stdout) for one in outcomes))
        sys.stdout.flush()
    for one in outcomes:
        for warning in () if json else warnings(one):
            paper(error=True).print(Text(f"{file}:{one['line']}: {warning}", style="yellow"), soft_wrap=True)
        for complaint in () if is_taken(one) else complaints(one, kind):
            line = f"{file}:{one['line']}: {complaint}"
            if out:
                print(visible(line), file=out)
            elif not json:
                say(line)


def _explained(stop: BaseException, file: str) -> BaseException:
    """The failure; that of a wrong header says what the first line must be."""
    if isinstance(stop, Refused) and stop.problem.get("code") == "wrong_header":
        detail = str(stop.problem.get("detail")).partition(";")[0]  # what follows lists the columns, as we do
        return Failure(stop.code, f"{file}: {detail} (wrong_header)\n{header_needed()}")
    return stop


def _open_errors(errors: Path, source: IO[bytes], stack: ExitStack) -> IO[str]:
    """The file for refusals. Raises Failure when it is the file of submissions, by whatever name."""
    with suppress(OSError, ValueError):  # it is not there yet, or the source is no file
        if os.path.samestat(os.stat(errors), os.fstat(source.fileno())):
            raise Failure(ExitCode.USAGE, f"{errors} is the file of submissions itself: name another for --errors.")
    return _open(errors, "w", stack)


def _open(file: str | Path, mode: str, stack: ExitStack) -> IO[Any]:
    try:
        opened = open(file, mode, encoding=None if "b" in mode else "utf-8", opener=_private)
        return stack.enter_context(opened)
    except OSError as error:
        raise Failure(ExitCode.USAGE, f"{file}: {error.strerror}.") from None


def _private(file: str, flags: int) -> int:
    return os.open(file, flags, 0o600)  # refused submissions name children


def _progress() -> Progress:
    """A progress bar on standard error, by bytes where the size is known; disabled without a terminal."""
    columns = (TextColumn("{task.description}"), BarColumn(), TextColumn("{task.fields[counts]}"), TimeElapsedColumn())
    return Progress(*columns, console=paper(error=True), transient=True, disable=not sys.stderr.isatty())


def _size(source: IO[bytes]) -> int | None:
    """The size of a file in bytes; None for a pipe."""
    try:
        status = os.fstat(source.fileno())
    except (OSError, ValueError):
        return None
    return status.st_size if stat.S_ISREG(status.st_mode) else None
