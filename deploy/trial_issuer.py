"""A token issuer for a trial of the composed network. A country uses its own OIDC issuer.

Makes an RS256 key once, publishes its public half as a JWKS, and keeps the services' own token fresh. The private key
stays in `JOLDAMA_HOME`, which no service mounts.
"""

import os
import signal
import threading
from pathlib import Path

from services.local.home import Home
from services.local.issuer import make_secrets, renew_service_token
from services.local.private import write_private

PUBLISHED = {"jwks.json": "keys", "service-token": "token"}
"""What is copied from the home's secrets, and the folder beside the home that it goes to."""
RENEW_EVERY = 12 * 3600.0
"""Seconds; a token lasts two days."""


def publish(home: Home) -> None:
    for name, folder in PUBLISHED.items():
        write_private(home.root.parent / folder / name, (home.secrets / name).read_text())


def main() -> None:
    stopped = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stopped.set())
    home = Home(Path(os.environ["JOLDAMA_HOME"]))
    home.make()
    make_secrets(home)
    publish(home)
    while not stopped.wait(RENEW_EVERY):
        renew_service_token(home)
        publish(home)


if __name__ == "__main__":
    main()
