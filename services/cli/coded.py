"""Commands that need a code of data/reasons.csv: their help lists the codes, and so does the refusal without one."""

from typing import Any

from typer.core import TyperCommand

from services.cli.failures import ExitCode, Failure
from services.cli.reference import codes


def needed(code: str | None, option: str, kind: str) -> str:
    """`code`; raises Failure (usage) that lists the codes of `kind` when there is none."""
    if code:
        return code
    known = [f"  {one:<26}{name}" for one, name in codes(kind).items()]
    head = f"{option} CODE is needed"
    raise Failure(
        ExitCode.USAGE,
        "\n".join([f"{head}, one of:", *known]) if known else f"{head}; {option} x makes the service tell its codes.",
    )


class _Coded(TyperCommand):
    """A command whose help ends with the codes of `kind`."""

    kind = ""

    def format_help(self, ctx: Any, formatter: Any) -> None:
        listed = [f"{code} ({name})" for code, name in codes(self.kind).items()]
        self.epilog = f"Codes: {', '.join(listed)}." if listed else None
        super().format_help(ctx, formatter)


class DeclineReasons(_Coded):
    kind = "decline"


class NoShowReasons(_Coded):
    kind = "no_show"


class CancelReasons(_Coded):
    kind = "cancel"


class Outcomes(_Coded):
    kind = "outcome"
