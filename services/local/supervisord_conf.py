"""The settings file of supervisord, written at each start. Log paths are relative to the home."""

import getpass
import os
import shlex
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

from services.local.jars import CHECKOUT
from services.local.parts import APIS, SERVERS, SERVICES, Part

GUARD = "guard"
ORDER = (SERVERS, APIS, SERVICES)

_HEAD = """\
[supervisord]
nodaemon=true
silent=true
logfile=logs/supervisord.log
logfile_maxbytes=5MB
logfile_backups=1
pidfile=supervisord.pid
{user}
[unix_http_server]
file={socket}
chmod=0600

[rpcinterface:supervisor]
supervisor.rpcinterface_factory=supervisor.rpcinterface:make_main_rpcinterface

[program:{guard}]
command={guard_command}
directory={checkout}
autostart=true
autorestart=true
stdout_logfile=NONE
redirect_stderr=true
"""

_PROGRAM = """
[program:{name}]
command={command}
directory={checkout}
environment={environment}
autostart=false
autorestart=true
startsecs=3
startretries=1000000
stopsignal=TERM
stopwaitsecs={patience}
killasgroup=true
redirect_stderr=true
stdout_logfile=logs/{name}.log
stdout_logfile_maxbytes=10MB
stdout_logfile_backups=3
"""

_GROUP = """
[group:{name}]
programs={programs}
priority={priority}
"""


def configuration(socket: Path, parts: Sequence[Part]) -> str:
    """The file's text. A part that dies is always started again; services stop before servers."""
    checkout = _plain(str(CHECKOUT))
    user = f"user={_plain(getpass.getuser())}\n" if os.geteuid() == 0 else ""
    guard = [sys.executable, "-m", "services.local.guard"]
    text = _HEAD.format(
        socket=_plain(str(socket)), user=user, guard=GUARD, guard_command=_command(guard), checkout=checkout
    )
    for part in parts:
        text += _PROGRAM.format(
            name=part.name,
            command=_command(part.command),
            checkout=checkout,
            environment=_environment(part.environment),
            patience=20 if part.group == SERVERS else 12,
        )
    for group in sorted({part.group for part in parts}, key=ORDER.index):
        names = ",".join(part.name for part in parts if part.group == group)
        text += _GROUP.format(name=group, programs=names, priority=ORDER.index(group))
    return text


def _plain(value: str) -> str:
    """`value`, escaped: supervisord expands `%`, and begins a comment at ` ;` and ` #`. Raises ValueError."""
    if "\n" in value or " ;" in value or " #" in value:
        raise ValueError(f"cannot be written into supervisord's settings: {value!r}")
    return value.replace("%", "%%")


def _command(words: Sequence[str]) -> str:
    return _plain(shlex.join(words))


def _environment(variables: Mapping[str, str]) -> str:
    if quoted := [name for name, value in variables.items() if '"' in value]:
        raise ValueError(f"{quoted[0]}: a double quote cannot be passed on")
    return ",".join(f'{name}="{_plain(value)}"' for name, value in variables.items())
