"""The settings file of supervisord, written at each start, and a file for each part that it runs.

All paths in the settings are relative to the home, in which supervisord runs: it expands `%`, begins comments at ` #`
and ` ;`, and cannot take every value. JSON takes any: a part's `command` is the path of its file (forking.py).
"""

import json
import os
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

from services.local.parts import APIS, SERVERS, SERVICES, Part

GUARD = "guard"
GUARD_COMMAND = (sys.executable, "-m", "services.local.guard")
ORDER = (SERVERS, APIS, SERVICES)
PARTS = "parts"
"""The folder of the parts' files, in the home."""
SOCKET = "JOLDAMA_SUPERVISOR_SOCKET"
"""The environment variable with the path of supervisord's socket."""

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
file=%(ENV_{socket})s
chmod=0600

[rpcinterface:supervisor]
supervisor.rpcinterface_factory=supervisor.rpcinterface:make_main_rpcinterface

[program:{guard}]
command={parts}/{guard}.json
autostart=true
autorestart=true
stdout_logfile=NONE
redirect_stderr=true
"""

_PROGRAM = """
[program:{name}]
command={parts}/{name}.json
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


def configuration(parts: Sequence[Part]) -> str:
    """The file's text. A part that dies is always started again; services stop before servers."""
    text = _HEAD.format(user="user=0\n" if os.geteuid() == 0 else "", socket=SOCKET, guard=GUARD, parts=PARTS)
    for part in parts:
        text += _PROGRAM.format(name=part.name, parts=PARTS, patience=20 if part.group == SERVERS else 12)
    for group in sorted({part.group for part in parts}, key=ORDER.index):
        names = ",".join(part.name for part in parts if part.group == group)
        text += _GROUP.format(name=group, programs=names, priority=ORDER.index(group))
    return text


def described(command: Sequence[str], folder: Path, environment: Mapping[str, str]) -> str:
    """A part's file: `command` in `folder`, with `environment` added to supervisord's own."""
    return json.dumps({"command": list(command), "folder": str(folder), "environment": dict(environment)})
