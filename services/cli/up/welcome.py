"""What `joldama up` shows: progress, where the children went, the addresses, and a token to try for each role."""

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from shlex import quote

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table

from services.cli.access import LOCAL_POLYCLINIC
from services.cli.up import demo
from services.cli.up.demo import Placed
from services.contracts.vocabulary import Role
from services.local.home import write_private
from services.local.issuer import issue_token
from services.local.plan import Plan


@contextmanager
def progress_bar(console: Console, title: str) -> Iterator[Callable[[int, int], None]]:
    """A bar that is told how many of how many are done; none at all while there is nothing to do."""
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    bar = Progress(*columns, console=console)
    task = bar.add_task(title, total=None)

    def tell(done: int, total: int) -> None:
        bar.update(task, completed=done, total=total)
        if total and not bar.live.is_started:
            bar.start()

    try:
        yield tell
    finally:
        if bar.live.is_started:
            bar.stop()


def show_placed(console: Console, children: Iterable[Placed]) -> None:
    """Where the children went: a row for each center and state, the center with the most children first."""
    groups: dict[tuple[str, str], list[float]] = {}
    for child in children:
        groups.setdefault((child.center, child.state), []).append(child.kilometers or 0)
    table = Table(box=None, pad_edge=False, header_style="bold", title="Where the children went", title_justify="left")
    table.add_column("center")
    table.add_column("km", justify="right")
    table.add_column("state")
    table.add_column("children", justify="right")
    for (center, state), distances in sorted(groups.items(), key=lambda group: (-len(group[1]), group[0])):
        nearest, farthest = (f"{kilometers:,.0f}" for kilometers in (min(distances), max(distances)))
        away = "" if not center else nearest if nearest == farthest else f"{nearest}-{farthest}"
        table.add_row(center or "(none yet)", away, state, str(len(distances)))
    console.print(table)


def show_welcome(plan: Plan, console: Console) -> None:
    """The addresses, and for each role a call to try."""
    lines = ["", "Where everything is (again with: joldama urls)"]
    lines += [f"  {name:<9} {plan.url(name)}/docs" for name in ("intake", "referral", "capacity")]
    lines += [
        f"  {'kafka':<9} {plan.kafka_servers}",
        "",
        "To try, with tokens that last a day (more: joldama token ROLE)",
    ]
    center = _busiest_center(plan)
    for role, org, url in (
        (Role.OPERATOR, "", f"{plan.url('capacity')}/v1/capacity?limit=3"),
        (Role.POLYCLINIC, LOCAL_POLYCLINIC, f"{plan.url('referral')}/v1/referrals?limit=3"),
        (Role.CENTER, center, f"{plan.url('referral')}/v1/referrals?limit=3&status=offered"),
        (Role.ADMIN, "", f"{plan.url('referral')}/v1/centers?limit=3"),
    ):
        token = _written_token(plan, role, org)
        lines += [
            f"  as {role}{f' {org}' if org else ''}:",
            f"  curl -H \"Authorization: Bearer $(cat {token})\" '{url}'",
        ]
    console.print("\n".join([*lines, ""]), markup=False, soft_wrap=True)


def _written_token(plan: Plan, role: Role, org: str) -> str:
    """Where a token for `role` now lies, as short as it can be told here; readable by its owner only."""
    path = plan.home.root / "tokens" / role
    path.parent.mkdir(mode=0o700, exist_ok=True)
    write_private(path, issue_token(plan.home, [role], org) + "\n")
    return quote(str(path.relative_to(Path.cwd()) if path.is_relative_to(Path.cwd()) else path))


def _busiest_center(plan: Plan) -> str:
    with demo.api(plan, "referral", Role.OPERATOR) as referrals:
        centers = [one["center_id"] for one in referrals.pages("/v1/referrals", 200, status="offered")]
        centers = centers or [one["id"] for one in referrals.pages("/v1/centers", 1)]
    return max(set(centers), key=centers.count, default="")
