"""Folders and files of one user only: the owner and the mode are checked, and no link is followed."""

import os
import pwd
import stat
from pathlib import Path
from typing import IO

OTHERS = stat.S_IRWXG | stat.S_IRWXO
OTHERS_WRITE = stat.S_IWGRP | stat.S_IWOTH


class UnusableHome(RuntimeError):
    """The home, or another folder of a network, cannot be used; the message says why, and what to do."""


def make_private(folder: Path, *, readable: bool = False) -> Path:
    """Make `folder` where it is missing, and close an own one that is open to others (`readable`: to their writing).

    Raises UnusableHome when it is a link, belongs to another user, or could be filled or replaced by everybody.
    """
    folder.mkdir(mode=0o755 if readable else 0o700, parents=True, exist_ok=True)
    found = folder.lstat()
    if stat.S_ISLNK(found.st_mode):
        raise UnusableHome(f"{folder} is a link, which somebody else may turn: name the folder itself, or remove it.")
    _require_own(folder, found)
    mode = stat.S_IMODE(found.st_mode)
    if mode & stat.S_IWOTH and any(folder.iterdir()):
        raise UnusableHome(
            f"Everybody may write to {folder}, so what is in it may not be yours. Look through it, then close it "
            "(chmod go-w), or name another folder."
        )
    _require_safe_way(folder)
    if mode & (OTHERS_WRITE if readable else OTHERS):
        folder.chmod(mode & ~(OTHERS_WRITE if readable else OTHERS))
    return folder


def open_private(file: Path, mode: str) -> IO[bytes]:
    """Open `file`, readable by its owner only, as `Path.open` does with "ab", "wb" or "a+b".

    Raises UnusableHome when it is a link, no file, or belongs to another user; nothing is truncated then.
    """
    flags = os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK
    flags |= os.O_WRONLY if mode == "wb" else os.O_APPEND | (os.O_RDWR if "+" in mode else os.O_WRONLY)
    try:
        descriptor = os.open(file, flags, 0o600)
    except OSError:
        if not file.is_symlink():
            raise
        raise UnusableHome(f"{file} is a link, through which nothing is written: remove it.") from None
    try:
        found = os.fstat(descriptor)
        if not stat.S_ISREG(found.st_mode):
            raise UnusableHome(f"{file} is no file: remove it.")
        _require_own(file, found)
        if found.st_mode & OTHERS:
            os.fchmod(descriptor, 0o600)
        if mode == "wb":
            os.ftruncate(descriptor, 0)
        return os.fdopen(descriptor, mode)
    except BaseException:
        os.close(descriptor)
        raise


def write_private(path: Path, text: str) -> None:
    """Write `path` in one step, readable by its owner only; a link in its place is replaced, not followed."""
    draft = path.with_name(f".{path.name}.{os.getpid()}")
    draft.unlink(missing_ok=True)
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW
    with os.fdopen(os.open(draft, flags, 0o600), "w", encoding="utf-8") as file:
        file.write(text)
    draft.replace(path)


def _require_own(path: Path, found: os.stat_result) -> None:
    if found.st_uid != os.geteuid():
        raise UnusableHome(
            f"{path} belongs to {name_of(found.st_uid)}, and you are {name_of(os.geteuid())}. "
            "Set JOLDAMA_HOME to a folder of your own, or remove this one."
        )


def _require_safe_way(folder: Path) -> None:
    """Whoever may write to a folder above could put another one in this one's place, except where /tmp's rule holds."""
    for above in folder.parents:
        mode = above.stat().st_mode
        if mode & stat.S_IWOTH and not mode & stat.S_ISVTX:
            raise UnusableHome(f"Everybody may write to {above}, and so replace {folder}: name another folder.")


def name_of(uid: int) -> str:
    """The user's name, or the number of one without."""
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return str(uid)
