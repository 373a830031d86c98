"""A token issuer for a trial of the composed network. A country uses its own OIDC issuer.

Makes an RS256 key once, publishes its public half as a JWKS, and keeps each process's own token fresh. The private key
stays in `JOLDAMA_HOME`, which no service mounts.
"""

import os
import signal
import threading
from pathlib import Path

from services.contracts.vocabulary import PROCESSES
from services.local.home import Home
from services.local.issuer import make_secrets, process_token, renew_process_tokens
from services.local.private import write_private

TOKEN = "service-token"  # noqa: S105
"""The file of each process's token, in the folder of the process beside the home."""
RENEW_EVERY = 12 * 3600.0
"""Seconds; a token lasts two days."""


def publish(home: Home) -> None:
    """Copy the public keys, and each process's token to the one folder that it mounts."""
    beside = home.root.parent
    write_private(beside / "keys" / "jwks.json", (home.secrets / "jwks.json").read_text())
    for role in PROCESSES:
        write_private(beside / role / TOKEN, process_token(home, role).read_text())


def main() -> None:
    stopped = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stopped.set())
    home = Home(Path(os.environ["JOLDAMA_HOME"]))
    home.make()
    make_secrets(home)
    publish(home)
    while not stopped.wait(RENEW_EVERY):
        renew_process_tokens(home)
        publish(home)


if __name__ == "__main__":
    main()
