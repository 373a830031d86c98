"""The console's styles and scripts, built once into the cache: `python -m services.local.console_assets`."""

import shutil
from pathlib import Path
from tempfile import TemporaryDirectory

from services.console.assets import build
from services.local.jars import alone, default_cache
from services.local.private import make_private


def assets_folder() -> Path:
    """Of the sources as they are: others are built into another folder."""
    return default_cache() / f"console-{build.key()}"


def assets_stamp() -> str:
    """The folder, once it is built."""
    folder = assets_folder()
    return str(folder) if (folder / "manifest.json").exists() else ""


def ensure_assets() -> Path:
    """Build them where they are missing."""
    if not assets_stamp():
        with alone(make_private(default_cache(), readable=True) / "console.lock"):
            if not assets_stamp():
                _build(assets_folder())
    return assets_folder()


def _build(folder: Path) -> None:
    with TemporaryDirectory(prefix="console-", dir=folder.parent) as work:
        build.build(Path(work) / "made")
        shutil.rmtree(folder, ignore_errors=True)
        (Path(work) / "made").rename(folder)


if __name__ == "__main__":
    ensure_assets()
