"""`joldama submit`: a file of submissions to intake, with its errors line by line."""

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, TYPE_CHECKING, Annotated, Any
from uuid import uuid4

import typer

from services.cli.access import LOCAL_POLYCLINIC, Identity
from services.cli.failures import ExitCode, Failure, say
from services.cli.network import read_network
from services.cli.options import AsOption, OrgOption, TokenOption
from services.cli.submissions import Format, Part, Submissions, header_needed
from services.contracts.vocabulary import Role

if TYPE_CHECKING:
    from services.cli.client import Api
    from services.cli.sending import Outcome

PART = 500
PATIENCE = 30.0
SHOWN = 3
"""How many of the referrals taken are named at the end."""
_Advance = Callable[[Part, int, int], None]


FileArgument = Annotated[
    str, typer.Argument(metavar="FILE", help="CSV or NDJSON; - for standard input.", show_default=False)
]
FormatOption = Annotated[
    Format | None, typer.Option("--format", help="What FILE is.", show_default="by its name, or its first line")
]
ErrorsOption = Annotated[
    Path | None, typer.Option("--errors", metavar="FILE", help="Where refusals go.", show_default="standard error")
]
LinesOption = Annotated[bool, typer.Option("--json", help="Print each line's result as NDJSON.")]
PartOption = Annotated[int, typer.Option("--part", min=1, max=10_000, help="Submissions sent at a time.")]
KeyOption = Annotated[
    str | None, typer.Option("--key", help="Of an earlier run: what it took is not taken again.", show_default=False)
]
PatienceOption = Annotated[
    float, typer.Option("--patience", min=0, metavar="SECONDS", help="How long to try while the network is away.")
]


def submit(
    file: FileArgument,
    format: FormatOption = None,
    errors: ErrorsOption = None,
    json: LinesOption = False,
    part: PartOption = PART,
    key: KeyOption = None,
    patience: PatienceOption = PATIENCE,
    token: TokenOption = None,
    role: AsOption = None,
    org: OrgOption = None,
) -> None:
    """Submit diagnoses to intake, any number of them.

    FILE has one submission a line (NDJSON, as for POST /v1/diagnoses), or is a CSV with the columns of docs/cli.md.
    It is sent in parts; one that does not get through is sent again. Exit code 0: all taken; 1: some refused.

    Example: joldama demo-children --count 200 --seed 7 | joldama submit -
    """
    from services.cli.client import Api

    network = read_network()
    bearer = Identity(token, role, org).bearer(network, Role.POLYCLINIC, LOCAL_POLYCLINIC)
    run = _Run(file, key or str(uuid4()), part, patience, json)
    with ExitStack() as stack:
        source = _open(file, stack)
        complain = _complaints(errors, file, json, stack)
        submissions = Submissions(source, file, format)
        api = stack.enter_context(Api(network.url("intake"), bearer))
        tally = _send_all(api, submissions, run, stack.enter_context(_progress(source)), complain)
    (say if json else print)(str(tally))
    if tally.first and not json:
        say(f"first: {', '.join(tally.first)}; all: joldama referrals")
    if tally.refused:
        raise typer.Exit(ExitCode.REFUSED)


@dataclass(frozen=True, slots=True)
class _Run:
    """What is sent and how: under which key, how many at a time, how patiently, and whether results are printed."""

    file: str
    key: str
    part: int
    patience: float
    json: bool


def _send_all(
    api: "Api", submissions: Submissions, run: _Run, advance: _Advance, complain: Callable[["Outcome"], None]
) -> "Tally":
    """Part by part; one that ends early says how to go on."""
    from services.cli.sending import send

    tally = Tally()
    try:
        for one in submissions.parts(run.part):
            part_key = f"{run.key}/{run.part}/{one.records[0].line}"
            outcomes = send(api, one, submissions.kind, part_key, run.patience)
            tally.count(outcomes)
            advance(one, tally.taken, tally.refused)
            _tell(outcomes, run.json, complain)
    except KeyboardInterrupt:
        say(_stopped(tally, run.key))
        raise
    except Failure as failure:
        if tally.line or failure.code is ExitCode.NO_NETWORK:  # else nothing can have been taken
            say(_stopped(tally, run.key))
        raise _explained(failure, run.file) from None
    return tally


def _stopped(tally: "Tally", run: str) -> str:
    return f"Stopped: {tally}. To go on: the same command with --key {run}"


def _explained(failure: Failure, file: str) -> Failure:
    """The failure; for a file that is refused as a whole, with what its first line must be."""
    from services.cli.client import Refused

    if isinstance(failure, Refused) and failure.problem.get("code") == "wrong_header":
        told = str(failure.problem.get("detail")).partition(";")[0]  # what follows lists the columns, as we do
        return Failure(failure.code, f"{file}: {told} (wrong_header)\n{header_needed()}")
    return failure


class Tally:
    """How many submissions were taken and refused so far, up to which line, and the first referrals."""

    def __init__(self) -> None:
        self.taken = self.refused = self.line = 0
        self.first: list[str] = []
        self._began = time.monotonic()

    def count(self, outcomes: list["Outcome"]) -> None:
        taken = sum(one.taken for one in outcomes)
        self.taken, self.refused = self.taken + taken, self.refused + len(outcomes) - taken
        self.line = outcomes[-1].line
        new = [str(one.result.get("referral_id")) for one in outcomes if one.taken]
        self.first += new[: SHOWN - len(self.first)]

    def __str__(self) -> str:
        seconds = time.monotonic() - self._began
        return f"{self.taken:,} taken, {self.refused:,} refused, up to line {self.line} ({seconds:.1f} s)"


def _tell(outcomes: list["Outcome"], json: bool, complain: Callable[["Outcome"], None]) -> None:
    if json:
        import orjson

        sys.stdout.write("".join(orjson.dumps(one.as_dict()).decode() + "\n" for one in outcomes))
        sys.stdout.flush()
    for one in outcomes:
        if not one.taken:
            complain(one)


def _open(file: str, stack: ExitStack) -> IO[bytes]:
    if file == "-":
        return sys.stdin.buffer
    try:
        return stack.enter_context(Path(file).open("rb"))
    except OSError as error:
        raise Failure(ExitCode.USAGE, f"{file}: {error.strerror}.") from None


def _complaints(errors: Path | None, file: str, json: bool, stack: ExitStack) -> Callable[["Outcome"], None]:
    """Where a refusal is written: the file of `--errors`, else standard error unless `--json` has told it already."""
    if errors is None:
        return lambda one: None if json else _complain(say, file, one)
    try:
        out = stack.enter_context(errors.open("w", encoding="utf-8"))
    except OSError as error:
        raise Failure(ExitCode.USAGE, f"{errors}: {error.strerror}.") from None
    return lambda one: _complain(lambda line: print(line, file=out), file, one)


def _complain(write: Callable[[str], Any], file: str, one: "Outcome") -> None:
    for sentence in one.complaints():
        write(f"{file}:{one.line}: {sentence}")


@contextmanager
def _progress(source: IO[bytes]) -> Iterator[_Advance]:
    """A bar on standard error, by bytes where the size is known; nothing where nobody looks."""
    if not sys.stderr.isatty():
        yield lambda *_: None
        return
    from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

    from services.cli.render import paper

    columns = (TextColumn("{task.description}"), BarColumn(), TextColumn("{task.fields[told]}"), TimeElapsedColumn())
    with Progress(*columns, console=paper(error=True), transient=True) as bar:
        task = bar.add_task("Submitting", total=_size(source), told="")
        yield lambda part, taken, refused: bar.update(
            task, completed=part.read, told=f"{taken:,} taken, {refused:,} refused"
        )


def _size(source: IO[bytes]) -> int | None:
    """Bytes of a plain file, None for a pipe."""
    from os import fstat
    from stat import S_ISREG

    try:
        status = fstat(source.fileno())
    except (OSError, ValueError):
        return None
    return status.st_size if S_ISREG(status.st_mode) else None
