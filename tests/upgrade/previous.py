"""The code of the release before, out of this checkout's history, and a network whose parts run on it or on today's."""

import os
import subprocess
from dataclasses import dataclass, replace
from pathlib import Path

from services.local.jobs import Job
from services.local.parts import Blueprint, Part
from services.local.plan import CONSOLE, Plan
from tests.golden.previous import commit
from tests.support.servers import CHECKOUT


def unreachable() -> str:
    """Why the code of the release before cannot be had here; empty when it can.

    A shallow clone has not the commit, and fetches it alone from where it was cloned.
    """
    known, fetch = ("cat-file", "-e", f"{commit()}^{{commit}}"), ("fetch", "-q", "--depth=1", "origin", commit())
    if not any(_done(*one) for one in (known, fetch)):
        return f"neither this checkout nor its origin has commit {commit()[:12]}, the release before"
    return ""


def _done(*command: str) -> bool:
    return not subprocess.run(["git", *command], cwd=CHECKOUT, capture_output=True, timeout=60).returncode


@dataclass(frozen=True)
class Releases:
    """In `folder` lie the code of the release before, and for each part a link to the code on which it starts next.

    The console has no data and is on today's code.
    """

    folder: Path

    def check_out(self) -> "Releases":
        self.before.mkdir(parents=True)
        packed = subprocess.run(["git", "archive", commit()], cwd=CHECKOUT, check=True, capture_output=True).stdout
        subprocess.run(["tar", "-x", "-C", str(self.before)], input=packed, check=True)
        return self

    @property
    def before(self) -> Path:
        return self.folder / "before"

    def choose(self, part: str, code: Path) -> None:
        draft = self.folder / f"{part}.next"
        draft.symlink_to(code)
        os.replace(draft, self.folder / part)

    def blueprint(self, given: Blueprint) -> Blueprint:
        """All on the release before, jobs too."""
        return replace(
            given,
            services=lambda plan: [self._beginning(one) for one in given.services(plan)],
            jobs=lambda plan: self._jobs(given, plan),
        )

    def _beginning(self, part: Part) -> Part:
        if part.name == CONSOLE:
            return part
        self.choose(part.name, self.before)
        return replace(part, folder=self.folder / part.name)

    def _jobs(self, given: Blueprint, plan: Plan) -> list[Job]:
        there = ("env", "-C", str(self.before))
        return [
            one if one.name == "console-assets" else replace(one, command=(*there, *one.command))
            for one in given.jobs(plan)
        ]
