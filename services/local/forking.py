"""supervisord that forks the parts which are our modules: `python -m services.local.forking HOME -n -c FILE`.

A fork has what several parts import already, in memory that it shares with them, and needs no interpreter started.
macOS's own libraries do not bear a fork, so there, and wherever else than on Linux, such a part is executed too.
"""

import atexit
import json
import os
import signal
import sys
import threading
import traceback
from collections.abc import Mapping, Sequence
from contextlib import suppress
from functools import cache
from pathlib import Path
from pkgutil import walk_packages
from typing import Any, NoReturn

from setproctitle import setproctitle
from supervisor.options import NotFound, ServerOptions
from supervisor.supervisord import go

from services import contracts, kit
from services.kit.launch import COMMAND, import_for_good
from services.kit.launch import main as launch
from services.kit.settings import CHECKOUT

FORKS = sys.platform == "linux"
SHARED = contracts, kit
"""Packages that several parts import, and with them most of what is not ours."""
ROWS = "services.referral.adapters.rows", "services.intake.adapters.tables"
"""Of the services only these, which two or three parts import: what has metrics would give them to all parts."""


class Options(ServerOptions):  # type: ignore[misc]  # it has no types
    """Of a supervisord whose commands are paths of JSON files: a part's words, folder and environment."""

    def check_execv_args(self, filename: str, argv: Sequence[str], st: os.stat_result | None) -> None:
        """Before the first part that is forked, what parts share is imported; the servers start meanwhile."""
        if _forked(_read(filename)):
            _import_shared()

    def execve(self, filename: str, argv: Sequence[str], env: Mapping[str, str]) -> NoReturn:
        """Become the part, in a process that was forked for it."""
        part = _read(filename)
        os.chdir(part["folder"])
        command, environment = part["command"], {**env, **part["environment"]}
        if _forked(part):
            _become(Path(filename).stem, command[len(COMMAND) :], environment)
        os.execvpe(command[0], command, environment)  # noqa: S606  # a part's own command


def _read(file: str) -> dict[str, Any]:
    """Raises NotFound, after which supervisord tries again later."""
    try:
        part = json.loads(Path(file).read_text(encoding="utf-8"))
        return {name: part[name] for name in ("command", "folder", "environment")}
    except (OSError, ValueError, LookupError, TypeError) as error:
        raise NotFound(f"cannot read {file}: {error}") from error


def _forked(part: Mapping[str, Any]) -> bool:
    """Whether it is a module of this code: that of another release, which lies elsewhere, would find ours imported."""
    ours = tuple(part["command"][: len(COMMAND)]) == COMMAND and Path(part["folder"]).resolve() == CHECKOUT
    return FORKS and ours


@cache
def _import_shared() -> None:
    with suppress(Exception):  # what cannot be imported is told by the part that needs it
        names = [one.name for package in SHARED for one in walk_packages(package.__path__, f"{package.__name__}.")]
        import_for_good(*names, *ROWS)


def _become(name: str, words: list[str], environment: Mapping[str, str]) -> NoReturn:
    """Run the module in this process as if it had been executed, and end."""
    for number in signal.valid_signals() - {signal.SIGKILL, signal.SIGSTOP}:
        if callable(signal.getsignal(number)):  # supervisord's
            signal.signal(number, signal.SIG_DFL)
    signal.signal(signal.SIGINT, signal.default_int_handler)
    setproctitle(f"joldama {name}")  # it finds its place by the first environment
    os.environ.clear()
    os.environ.update(environment)
    sys.argv = [__name__, *words]
    status = 1
    try:
        launch()
        status = 0
    except SystemExit as ended:
        status = _status(ended)
    except BaseException:  # noqa: BLE001  # whatever it is, it is printed, as an interpreter does
        traceback.print_exc()
    finally:
        threading._shutdown()  # type: ignore[attr-defined]  # as an interpreter ends
        atexit._run_exitfuncs()
        sys.stdout.flush()
        os._exit(status)


def _status(ended: SystemExit) -> int:
    """The process's, as Python has it: a text is printed."""
    if ended.code is None or isinstance(ended.code, int):
        return ended.code or 0
    sys.stderr.write(f"{ended.code}\n")
    return 1


def main() -> None:
    """Run supervisord in the home."""
    os.chdir(sys.argv.pop(1))
    options = Options()
    options.realize(sys.argv[1:])
    options.first, options.test = True, False
    go(options)


if __name__ == "__main__":
    main()
