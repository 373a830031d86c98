"""Writes .env from .env.example with a random secret in each empty place; leaves an existing .env alone.

    python3 deploy/make_env.py [FILE]
    python3 deploy/make_env.py --renew NAME… [--file FILE]

`--renew` gives those secrets of an existing file new values. Keys with versions keep the old ones behind the new one,
and keys that are read for longer than they write go to their variable for old ones; other old values are gone.
"""

import argparse
import base64
import os
import re
import secrets
import sys
from pathlib import Path

CHECKOUT = Path(__file__).resolve().parents[1]
KEPT = {"JOLDAMA_AUDIT_KEY": "JOLDAMA_OLD_AUDIT_KEYS", "JOLDAMA_CONSOLE_KEY": "JOLDAMA_OLD_CONSOLE_KEYS"}
"""Where the old value of a key goes."""
HELD = (*KEPT.values(), "JOLDAMA_INTAKE_DATA_KEY", "JOLDAMA_INTAKE_OLD_DATA_KEYS")
"""Keys by which there is something to be read, and nothing written any more: a new value would lose it."""


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


def renewed(env: str, names: list[str]) -> str:
    """`env` with a fresh secret for each of `names`. Raises KeyError with a name that has no one secret in it."""
    for name in names:
        found = re.findall(rf"^{re.escape(name)}=(.+)$", env, re.MULTILINE)
        if len(found) != 1 or not re.search(r"_(KEYS?|PASSWORD)$", name) or name in HELD or found[0].startswith("@"):
            raise KeyError(name)
        old, new = found[0], _secret(f"{name}=")
        if name.endswith("_KEYS"):
            version = max(int(one.partition(":")[0]) for one in old.split(",")) + 1
            new = f"{version}:{new.partition(':')[2]},{old}"
        env = env.replace(f"{name}={old}", f"{name}={new}")
        if name in KEPT:
            env = _behind(env, KEPT[name], old)
    return env


def _behind(env: str, name: str, value: str) -> str:
    """`env` with `value` before what the variable `name` has."""
    found = re.search(rf"^{name}=(.*)$", env, re.MULTILINE)
    if not found:
        return f"{env}{name}={value}\n"
    return env.replace(found[0], f"{name}={value},{found[1]}".rstrip(","))


def make(target: Path) -> None:
    try:
        file = os.open(target, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        sys.exit(f"{target} is there already: nothing was changed.")
    with os.fdopen(file, "w") as out:
        out.write(filled((CHECKOUT / ".env.example").read_text()))
    sys.stdout.write(f"{target}: random secrets, readable by you only. Next: docker compose up --build --wait\n")


def renew(target: Path, names: list[str]) -> None:
    try:
        content = renewed(target.read_text(), names)
    except KeyError as error:
        sys.exit(f"{target} has no secret {error.args[0]} to renew, or more than one: nothing was changed.")
    target = target.resolve()
    fresh = target.with_name(f"{target.name}.new")
    fresh.unlink(missing_ok=True)
    with os.fdopen(os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as out:
        out.write(content)
    fresh.replace(target)
    sys.stdout.write(f"{target}: new values of {', '.join(names)}.\n")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("target", nargs="?", type=Path)
    parser.add_argument("--renew", nargs="+", metavar="NAME")
    parser.add_argument("--file", type=Path, default=CHECKOUT / ".env")
    given = parser.parse_args()
    if given.renew and given.target:
        parser.error("name the file with --file")
    if given.renew:
        renew(given.file, given.renew)
    else:
        make(given.target or given.file)


if __name__ == "__main__":
    main()
