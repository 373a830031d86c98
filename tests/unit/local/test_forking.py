"""A part that is forked ends as one that is executed."""

import subprocess
import sys
from pathlib import Path

import pytest
from supervisor.options import NotFound

from services.kit.launch import COMMAND
from services.local.forking import Options
from services.local.jars import CHECKOUT
from services.local.supervisord_conf import described

FORK = """
import os, sys
from services.local.forking import Options
options, file = Options(), sys.argv[1]
options.check_execv_args(file, [file], None)
if os.fork() == 0:
    options.execve(file, [file], os.environ)
sys.exit(os.waitstatus_to_exitcode(os.wait()[1]))
"""


def test_threads_finalizers_words_and_status_at_the_end_are_those_of_an_executed_part(tmp_path: Path) -> None:
    command = [*COMMAND, "tests.support.ending_part"]
    (file := tmp_path / "part.json").write_text(described(command, CHECKOUT, {}))
    executed, forked = (
        subprocess.run(words, cwd=CHECKOUT, capture_output=True, text=True, check=False, timeout=60)
        for words in (command, [sys.executable, "-c", FORK, str(file)])
    )
    assert (forked.stdout, forked.stderr, forked.returncode) == (executed.stdout, executed.stderr, executed.returncode)
    assert executed.stdout == "the thread has ended\nfinalized\n"
    assert (executed.stderr, executed.returncode) == ("it has ended\n", 1)


def test_a_part_of_another_release_runs_that_release_s_code(tmp_path: Path) -> None:
    """As in tests/upgrade, where both releases lie beside each other."""
    package = tmp_path / "before" / "services" / "kit"
    package.mkdir(parents=True)
    for one in (package.parent, package):
        (one / "__init__.py").touch()
    (package / "launch.py").write_text("print('the release before')")
    (file := tmp_path / "part.json").write_text(
        described([*COMMAND, "tests.support.ending_part"], package.parents[1], {})
    )
    words = [sys.executable, "-c", FORK, str(file)]
    found = subprocess.run(words, cwd=CHECKOUT, capture_output=True, text=True, check=False, timeout=60)
    assert (found.stdout, found.stderr, found.returncode) == ("the release before\n", "", 0)


@pytest.mark.parametrize("text", [None, "{", "{}", "[]"])
def test_a_part_s_file_that_cannot_be_read_is_a_refusal_that_supervisord_knows(
    tmp_path: Path, text: str | None
) -> None:
    file = tmp_path / "part.json"
    if text is not None:
        file.write_text(text)
    with pytest.raises(NotFound):
        Options().check_execv_args(str(file), [str(file)], None)
