"""Writes .env from .env.example with a random secret in each empty place; leaves an existing .env alone."""

import base64
import os
import secrets
import sys
from pathlib import Path

CHECKOUT = Path(__file__).resolve().parents[1]


def filled(example: str) -> str:
    """`example` with every `NAME=` followed by a fresh secret."""
    return "".join(f"{line}{_secret(line)}\n" if line.endswith("=") else f"{line}\n" for line in example.splitlines())


def _secret(line: str) -> str:
    if line.startswith("#"):
        return ""
    if line.endswith("_KEYS="):
        return f"1:{base64.b64encode(os.urandom(32)).decode()}"
    if line.endswith("_KEY="):
        return base64.b64encode(os.urandom(32)).decode()
    return secrets.token_hex(24)


def main(target: Path) -> None:
    try:
        file = os.open(target, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        sys.exit(f"{target} is there already: nothing was changed.")
    with os.fdopen(file, "w") as out:
        out.write(filled((CHECKOUT / ".env.example").read_text()))
    sys.stdout.write(f"{target}: random secrets, readable by you only. Next: docker compose up --build --wait\n")


if __name__ == "__main__":
    main(Path(sys.argv[1] if len(sys.argv) > 1 else CHECKOUT / ".env"))
