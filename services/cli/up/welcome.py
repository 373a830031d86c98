"""The output of `joldama up`: progress, the children by center, the addresses, and a call to try for each role."""

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from itertools import islice
from pathlib import Path
from shlex import quote

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from services.cli.render import table
from services.cli.token import LOCAL_POLYCLINIC
from services.cli.up import demo
from services.cli.up.demo import Placed
from services.contracts.vocabulary import Role
from services.local.issuer import issue_token
from services.local.plan import APIS, CONSOLE, Plan
from services.local.private import make_private, write_private


@contextmanager
def progress_bar(console: Console, title: str) -> Iterator[Callable[[int, int], None]]:
    """A progress bar, shown from the first call with a total. Call it with the numbers of done items and of all."""
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
    """Print the children by center and state, the largest group first."""
    groups: dict[tuple[str, str], list[float]] = {}
    for child in children:
        groups.setdefault((child.center, child.state), []).append(child.kilometers)
    rows = []
    for (center, state), distances in sorted(groups.items(), key=lambda group: (-len(group[1]), group[0])):
        nearest, farthest = (f"{kilometers:,.0f}" for kilometers in (min(distances), max(distances)))
        away = "" if not center else nearest if nearest == farthest else f"{nearest}-{farthest}"
        rows.append((center or "(none yet)", away, state, len(distances)))
    console.print(table("Where the children went", ("center", "km", "state", "children"), rows, right=["km"]))


def show_welcome(plan: Plan, console: Console) -> None:
    """Print the addresses, and for each role a call to try."""
    lines = ["", f"The console, in your browser: {plan.url(CONSOLE)}", ""]
    lines += ["Where everything else is (again with: joldama urls)"]
    lines += [f"  {name:<9} {plan.url(name)}   documentation: {plan.inside_url(name)}/docs" for name in APIS]
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
    """Write a token for `role`, readable by its owner only. Returns its path, quoted for a shell."""
    path = plan.home.root / "tokens" / role
    make_private(path.parent)
    write_private(path, issue_token(plan.home, [role], org) + "\n")
    return quote(str(path.relative_to(Path.cwd()) if path.is_relative_to(Path.cwd()) else path))


def _busiest_center(plan: Plan) -> str:
    with demo.api(plan, "referral", Role.OPERATOR) as referrals:
        centers = [one["center_id"] for one in islice(referrals.pages("/v1/referrals", status="offered"), 200)]
        centers = centers or [one["id"] for one in islice(referrals.pages("/v1/centers"), 1)]
    return max(set(centers), key=centers.count, default="")
