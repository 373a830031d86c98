"""`joldama audit-log`: who looked at a child, and whether the audit logs are as they were written."""

import os
from collections.abc import Iterator
from datetime import datetime
from itertools import chain
from pathlib import Path
from typing import Annotated, Any
from urllib.parse import quote
from uuid import UUID

import typer
from rich.console import Group, RenderableType
from rich.text import Text

from services.cli.caller import Caller, command
from services.cli.failures import ExitCode, Failure
from services.cli.network import home
from services.cli.render import listing, spaced
from services.contracts.days import ALMATY

SERVICES = ("intake", "referral")
"""The services that have an audit log."""
PATH = "/v1/audit-log"
Entry = dict[str, Any]
_FAULTS = {
    "changed": "changed, moved, or written by another hand",
    "missing": "entries before it are gone",
    "cut_off": "the end of the log up to here is gone",
    "other_head": "another entry was here when it was exported",
}
DatabaseOption = Annotated[
    str | None, typer.Option(metavar="FILE|URL", help="Check this database, without its service; needs the key.")
]
HeadsOption = Annotated[
    Path | None, typer.Option(metavar="FILE", help="With --database: the exported heads, which show a lost end.")
]

audit_log = typer.Typer(
    name="audit-log",
    help="The audit logs of intake and the referral service.\n\nExample: joldama audit-log verify",
    no_args_is_help=True,
    add_completion=False,
)


@audit_log.command()
@command
def child(caller: Caller, id: Annotated[UUID, typer.Argument(metavar="CHILD", help="The child's id.")]) -> None:
    """Show who read, changed or asked for a child and its referrals, in order: for the family.

    A person is a staff id, or a pseudonym (p:…) where the id may be an IIN.

    Example: joldama audit-log child 019a2b3c-0000-7000-8000-00000000000a --json
    """
    found = sorted(chain(*(_entries(caller, one, id) for one in SERVICES)), key=_at)
    if not found:
        raise Failure(ExitCode.NOT_FOUND, f"No entry is about {id}.")
    title = f"Who asked for child {id}: {len(found)} entries"
    columns = "at person role organization=org did=act purpose result address"
    caller.show(found, lambda _: listing(title, found, columns, at=_when, did=_act, result=_result))


@audit_log.command()
@command
def verify(caller: Caller, database: DatabaseOption = None, heads: HeadsOption = None) -> None:
    """Check that no entry was changed, removed, moved or cut off, by the services or offline by --database.

    Exit code 1 when something was. Offline the key is JOLDAMA_AUDIT_KEY, or that of the local network.

    Example: joldama audit-log verify --database intake.sqlite3 --heads intake.heads
    """
    if heads and not database:
        raise Failure(ExitCode.USAGE, "--heads goes with --database: a service compares with the heads that it has.")
    found = [_offline(database, heads)] if database else [_online(caller, one) for one in SERVICES]
    caller.show(found, lambda _: Group(*chain(*map(_checked, found))))
    if any(one["findings"] for one in found):
        raise typer.Exit(ExitCode.REFUSED)


def _entries(caller: Caller, service: str, id: UUID) -> Iterator[Entry]:
    with caller.api(service) as api:
        yield from ({"service": service} | one for one in api.pages(PATH, about=str(id), limit=500))


def _online(caller: Caller, service: str) -> dict[str, Any]:
    count, after, cut, findings = 0, 0, 0, list[Any]()
    with caller.api(service) as api:
        while True:
            page = api.get(f"{PATH}/verify", after=after)
            count, cut, findings = count + page["count"], cut or page["cut"], findings + page["findings"]
            if page["next"] is None:
                break
            after = page["next"]
    head = {"head_sequence": page["head_sequence"], "head_hash": page["head_hash"]}
    return {"log": service, "count": count, "cut": cut, "findings": findings, **head}


def _offline(database: str, heads: Path | None) -> dict[str, Any]:
    from sqlalchemy.exc import SQLAlchemyError  # slow to import, and rarely needed

    from services.kit.sql.audit_offline import check_database

    url = database if "://" in database else f"sqlite:///{quote(str(_existing(Path(database))))}"
    try:
        checked, head = check_database(url, _keys(), heads and _existing(heads))
    except (SQLAlchemyError, ValueError) as error:
        reason = str(error).partition("\n")[0] if isinstance(error, ValueError) else type(error).__name__
        raise Failure(ExitCode.USAGE, f"--database: {reason}.") from None
    findings = [{"sequence": one.sequence, "fault": one.fault.value} for one in checked.findings]
    return {
        "log": database.rpartition("@")[2], "count": checked.count, "cut": checked.cut, "findings": findings,
        "head_sequence": head.sequence, "head_hash": head.hash,
    }  # fmt: skip


def _existing(file: Path) -> Path:
    if not file.is_file():
        raise Failure(ExitCode.USAGE, f"{file}: there is no such file.")
    return file


def _keys() -> list[bytes]:
    from services.kit.settings import read_audit_key

    named, own = os.environ.get("JOLDAMA_AUDIT_KEY"), home() / "secrets" / "audit-key"
    if not named and not own.is_file():
        raise Failure(ExitCode.USAGE, "JOLDAMA_AUDIT_KEY is not set: without the log's key nothing can be checked.")
    old = os.environ.get("JOLDAMA_OLD_AUDIT_KEYS", "").split(",")
    try:
        return [read_audit_key(one) for one in (named or own.read_text(), *filter(str.strip, old))]
    except ValueError as error:
        raise Failure(ExitCode.USAGE, f"{error}.") from None


def _checked(found: dict[str, Any]) -> Iterator[RenderableType]:
    counted = f"{found['log']}: {found['count']:,} entries"
    if found["cut"]:
        counted += f" after the {found['cut']:,} that were cut by their age"
    if findings := found["findings"]:
        yield listing(f"{counted}, {len(findings)} findings", findings, "entry=sequence fault", fault=_fault)
    else:
        yield Text(f"{counted} are as they were written. The last: {found['head_sequence']} {found['head_hash']}")


def _fault(one: dict[str, Any]) -> str:
    return _FAULTS.get(one["fault"], str(one["fault"]))


def _at(one: Entry) -> datetime:
    return datetime.fromisoformat(one["at"])


def _when(one: Entry) -> str:
    return f"{_at(one).astimezone(ALMATY):%Y-%m-%d %H:%M:%S}+05"


def _act(one: Entry) -> str:
    return spaced(one["act"])


def _result(one: Entry) -> str:
    return f"refused: {spaced(one['refused'])}" if one["refused"] else "done"
