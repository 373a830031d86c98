"""Runs a process of the network: `python -m services.kit.launch services.intake.entrypoints.api`.

What is imported lives as long as the process. The garbage collector, which would look through it all again and again,
is off meanwhile and leaves it alone afterwards: an eighth less processor time until the process is ready. What packages
import only because it is there, for people at a terminal, is not found: 4 MiB and a twentieth of a second less.
Then the collector looks for cycles among ten thousand new objects, not seven hundred, which a batch or some requests
make: a twentieth less.
"""

import gc
import sys
from importlib import import_module
from types import ModuleType

FOR_TERMINALS = "rich", "setproctitle"
"""Packages for which structlog and httpx2, and Faust, look and do without."""
COMMAND = (sys.executable, "-m", "services.kit.launch")
"""The command; the module's name is its next word."""
NEW_OBJECTS = 10_000
"""After so many the collector looks through them."""


def import_for_good(*names: str) -> ModuleType:
    """Import modules that live as long as the process, and return the last one."""
    gc.disable()
    sys.modules.update(dict.fromkeys(FOR_TERMINALS))  # type: ignore[arg-type]  # None: there is none
    try:
        return [import_module(name) for name in names][-1]
    finally:
        gc.enable()
        gc.freeze()


def main() -> None:
    """Import the module that the first argument names, and run its `main`, to which the other arguments are left."""
    module = import_for_good(sys.argv.pop(1))
    gc.set_threshold(NEW_OBJECTS, *gc.get_threshold()[1:])
    module.main()


if __name__ == "__main__":
    main()
