"""The `joldama` command: a terminal client of the public APIs. A command's module is imported when it is needed."""

import os
import sys
from contextlib import suppress
from importlib import import_module
from typing import Any

import typer
from typer.core import TyperGroup

from services.cli.failures import ExitCode, Failure, say
from services.cli.reference import listed_codes
from services.cli.streams import replace_unknown_characters

MODULES = {
    "up_and_demo": "up demo-children",
    "submit": "submit",
    "correct": "correct",
    "join": "join",
    "withdraw_consent": "withdraw-consent",
    "transfer": "transfer",
    "erase": "erase",
    "report": "report",
    "retention": "retention",
    "keys": "keys",
    "referrals": "referrals worklist",
    "referral": "referral",
    "actions": "seen accept decline admit no-show discharge cancel withdraw offer-again",
    "notes": "notes",
    "audit": "audit",
    "audit_log": "audit-log",
    "watch": "watch",
    "places": "capacity centers forecast",
    "set_places": "set-places",
    "register": "register-centers",
    "addresses": "urls",
    "token": "token",
    "dead_letters": "dead-letters",
}
"""The commands in each module, as functions of the same names."""
COMMANDS = {name: module for module, names in MODULES.items() for name in names.split()}


class Commands(TyperGroup):
    """The group of all commands. A Failure ends a command with one sentence and an exit code."""

    def get_command(self, ctx: Any, cmd_name: str) -> Any:
        if cmd_name not in COMMANDS:
            return None
        found = getattr(import_module(f"services.cli.{COMMANDS[cmd_name]}"), cmd_name.replace("-", "_"))
        if not isinstance(found, typer.Typer):
            command, found = found, typer.Typer(add_completion=False)
            found.command(cmd_name, epilog=listed_codes(cmd_name))(command)
        return typer.main.get_command(found)

    def main(self, *args: Any, **options: Any) -> Any:
        replace_unknown_characters()
        return super().main(*args, **options)

    def invoke(self, ctx: Any) -> Any:
        try:
            result = super().invoke(ctx)
            sys.stdout.flush()
            return result
        except Failure as failure:
            say(f"joldama: {failure}")
            raise typer.Exit(failure.code) from None
        except KeyboardInterrupt:
            raise typer.Exit(ExitCode.INTERRUPTED) from None
        except BrokenPipeError:
            _stop_writing()
            raise typer.Exit(ExitCode.PIPE_CLOSED) from None
        except OSError as error:
            if not error.filename:
                raise
            say(f"joldama: {error.filename}: {error.strerror}")
            raise typer.Exit(ExitCode.USAGE) from None
        except ValueError as error:
            from services.contracts.reference import WrongData  # imports pydantic, which help does not need

            if not isinstance(error, WrongData):
                raise
            say(f"joldama: {error}")
            raise typer.Exit(ExitCode.USAGE) from None


def _stop_writing() -> None:
    """Redirect standard output to /dev/null, so that the flush at exit does not fail again."""
    with suppress(OSError, ValueError):
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, sys.stdout.fileno())
        os.close(nowhere)


def _not_imported() -> None:
    """The placeholder of every command; get_command imports the real one."""


app = typer.Typer(
    name="joldama",
    cls=Commands,
    help="Every child to the nearest center with a free place, and everyone can see why.",
    epilog="Exit codes: 0 done, 1 refused, 2 usage, 3 no network, 4 not allowed, 5 not found.",
    no_args_is_help=True,
    pretty_exceptions_show_locals=False,  # a local variable may be a child's name or a token
    context_settings={"help_option_names": ["-h", "--help"]},
)
for name in COMMANDS:
    app.command(name)(_not_imported)

if __name__ == "__main__":
    app()
