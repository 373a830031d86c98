"""The `joldama` command: a terminal client over the public APIs. Light: each command imports what it needs itself."""

import typer

from services.cli import (
    addresses,
    answers,
    audit,
    children,
    coded,
    dead_letters,
    forecast,
    life,
    places,
    referral,
    referrals,
    register,
    set_places,
    start,
    submit,
    watch,
    worklist,
)
from services.cli.failures import Commands

CODED = {
    "decline": coded.DeclineReasons,
    "no_show": coded.NoShowReasons,
    "cancel": coded.CancelReasons,
    "discharge": coded.Outcomes,
}

app = typer.Typer(
    name="joldama",
    cls=Commands,
    help="Every child to the nearest center with a free place, and everyone can see why.",
    epilog="Exit codes: 0 done, 1 refused, 2 usage, 3 no network, 4 not allowed, 5 not found.",
    no_args_is_help=True,
    pretty_exceptions_show_locals=False,  # a local variable may be a child's name or a token
    context_settings={"help_option_names": ["-h", "--help"]},
)
for command in (
    start.up,
    submit.submit,
    referrals.referrals,
    referral.referral,
    answers.seen,
    answers.accept,
    answers.decline,
    life.admit,
    life.no_show,
    life.discharge,
    life.cancel,
    life.withdraw,
    life.offer_again,
    worklist.worklist,
    audit.audit,
    watch.watch,
    places.capacity,
    set_places.set_places,
    places.centers,
    forecast.forecast,
    register.register_centers,
    addresses.urls,
    addresses.token,
    children.demo_children,
):
    app.command(cls=CODED.get(command.__name__))(command)
app.add_typer(dead_letters.app)

if __name__ == "__main__":
    app()
