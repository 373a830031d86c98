"""Why a network cannot run here, for someone who starts one for the first time."""

import errno
import os
import shutil
from pathlib import Path
from shlex import quote

from services.local.private import name_of

LITTLE = 50_000_000
"""Bytes of free disk below which a failure is likely one of space."""
_FULL = {errno.ENOSPC, errno.EDQUOT}
_FORBIDDEN = {errno.EACCES, errno.EPERM, errno.EROFS}
_NO_FOLDER = {errno.EEXIST, errno.ENOTDIR, errno.ENOENT}


def explain(error: Exception, root: Path) -> str:
    """The reason, and what to do, for a failure of the network in the home `root`."""
    if isinstance(error, OSError):
        return _of_system(error, root)
    free = shutil.disk_usage(_nearest(root)).free
    hint = f"\nThe disk of {root} has only {free / 1e6:.0f} MB left: make room, and start again."
    return f"{error}{hint if free < LITTLE else ''}"


def _of_system(error: OSError, root: Path) -> str:
    file = Path(os.fsdecode(error.filename)) if isinstance(error.filename, str | bytes) else root
    if error.errno in _FULL:
        return f"There is no space left for {file}: make room, or set JOLDAMA_HOME to a folder on another disk."
    if not (file.is_relative_to(root) or root.is_relative_to(file)):
        return str(error)
    if error.errno in _FORBIDDEN:
        return _forbidden(_nearest(file), root)
    if error.errno in _NO_FOLDER:
        return f"{root} cannot be made a folder ({error.strerror}). Set JOLDAMA_HOME to another."
    return str(error)


def _forbidden(found: Path, root: Path) -> str:
    me, owner = name_of(os.geteuid()), name_of(found.stat().st_uid)
    told = f"{found} belongs to {owner}, and you ({me}) may not write there. Set JOLDAMA_HOME to a folder of your own"
    if me == owner or not found.is_relative_to(root):
        return f"{told}."
    return f"{told}, or take this one over: sudo chown -R {me} {quote(str(root))}"


def _nearest(path: Path) -> Path:
    """The path itself, or the nearest one above it that exists and may be seen."""
    return next(one for one in (path, *path.parents) if os.path.exists(one))
