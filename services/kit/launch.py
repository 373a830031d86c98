"""Runs a process of the network: `python -m services.kit.launch services.intake.entrypoints.api`.

What is imported lives as long as the process. The garbage collector, which would look through it all again and again,
is off meanwhile and leaves it alone afterwards: an eighth less processor time until the process is ready.
"""

import gc
import sys
from importlib import import_module


def main() -> None:
    """Import the module that the first argument names, and run its `main`, to which the other arguments are left."""
    gc.disable()
    try:
        module = import_module(sys.argv.pop(1))
    finally:
        gc.enable()
    gc.freeze()
    module.main()


if __name__ == "__main__":
    main()
