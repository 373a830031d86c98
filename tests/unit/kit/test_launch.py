"""`services.kit.launch`: a process's modules are imported without the garbage collector, which works afterwards."""

import subprocess
import sys
from pathlib import Path

PROGRAM = """
import gc, sys
at_import = gc.isenabled()
def main():
    print(at_import, gc.isenabled(), gc.get_freeze_count() > 1000, gc.get_threshold()[0], sys.argv[1:])
"""


def launched(folder: Path, program: str) -> subprocess.CompletedProcess[str]:
    (folder / "some_entrypoint.py").write_text(program)
    command = [
        sys.executable,
        "-c",
        f"import sys; sys.path.insert(0, {str(folder)!r}); from services.kit import launch; launch.main()",
    ]
    return subprocess.run([*command, "some_entrypoint", "--word"], capture_output=True, text=True)


def test_the_collector_is_off_while_a_process_is_imported_and_on_while_it_runs(tmp_path: Path) -> None:
    done = launched(tmp_path, PROGRAM)
    assert done.stdout.split(maxsplit=4) == ["False", "True", "True", "10000", "['--word']\n"], done.stderr


def test_what_is_for_terminals_is_not_imported(tmp_path: Path) -> None:
    program = """
import structlog, structlog.dev, httpx2, sys
def main():
    print([one for one in sys.modules if one.startswith("rich.") or one.startswith("pygments")])
"""
    done = launched(tmp_path, program)
    assert done.stdout == "[]\n", done.stderr


def test_a_module_that_cannot_be_imported_ends_the_process_with_its_error(tmp_path: Path) -> None:
    done = launched(tmp_path, "raise ValueError('not today')")
    assert done.returncode == 1, "supervisord sees that it has ended"
    assert "not today" in done.stderr, "the log says why"
