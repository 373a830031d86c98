"""`joldama up`: starts the network, fills it at its first start, and serves it in the foreground."""

import signal
import sys
import threading
import time
from collections.abc import Callable
from functools import partial

from rich.console import Console

from services.cli.failures import Failure
from services.cli.network import home
from services.cli.render import paper
from services.local.home import AlreadyRunning, Home
from services.local.jars import JarsRefused
from services.local.jobs import JobFailed
from services.local.network import Network, NotReady
from services.local.plan import Plan, PortTaken
from services.local.private import UnusableHome
from services.local.watch import Watch

EXPECTED = (AlreadyRunning, JarsRefused, JobFailed, NotReady, PortTaken, UnusableHome, Failure, OSError)
PATIENCE = 300.0


def run(children: int = 200) -> int:
    """Serve the network of `JOLDAMA_HOME` until Ctrl-C or SIGTERM. Returns 0 after a stop, 1 when it cannot run.

    The number of `children` is made up and routed when there is no referral yet.
    """
    console = paper()
    say = partial(console.print, markup=False, soft_wrap=True)
    for number in (signal.SIGINT, signal.SIGTERM):  # a script's shell starts `joldama up &` with SIGINT ignored
        signal.signal(number, signal.default_int_handler)
    if signal.getsignal(signal.SIGHUP) != signal.SIG_IGN:  # as `nohup` wants
        signal.signal(signal.SIGHUP, signal.default_int_handler)
    place = Home(home())
    try:
        with Network(place, say) as network:
            try:
                _serve(network, children, console, say)
            except KeyboardInterrupt:
                say("Stopping ...")
            finally:
                for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
                    signal.signal(number, signal.SIG_IGN)  # the parts are stopped in order, once
    except EXPECTED as error:
        from services.cli.up.excuses import explain

        paper(error=True).print(f"joldama: {explain(error, place.root)}", markup=False, soft_wrap=True)
        if isinstance(error, Failure):
            say(f"The logs are in {place.logs}.")
        return 1
    say("Joldama is stopped; its data is kept.")
    return 0


def _serve(network: Network, children: int, console: Console, say: Callable[[str], None]) -> None:
    began = time.monotonic()
    say(f"Starting in {network.home.root} ...")
    plan = network.start()
    say(f"Every part is ready after {time.monotonic() - began:.1f} s; logs in {network.home.logs}")
    watch = Watch(network, say)
    _fill(plan, children, console)
    from services.cli.up.welcome import show_welcome

    show_welcome(plan, console)
    say("Joldama is up")
    sys.stdout.flush()
    watch.run(threading.Event())


def _fill(plan: Plan, children: int, console: Console) -> None:
    from services.cli.up import demo
    from services.cli.up.welcome import progress_bar, show_placed

    with progress_bar(console, "Loading the centers") as progress:
        demo.load_network(plan, progress)
    if not children or demo.has_referrals(plan):
        return
    with progress_bar(console, "Opening the programmes") as progress:
        _until(lambda: demo.programmes_known(plan), demo.programmes_in_data(), progress)
    with progress_bar(console, "Routing children") as progress:
        submitted = demo.submit_children(plan, children)
        _until(lambda: len(demo.routed(plan)), submitted, progress)
    show_placed(console, demo.placed(plan, demo.routed(plan)))


def _until(done: Callable[[], int], count: int, progress: Callable[[int, int], None]) -> None:
    give_up = time.monotonic() + PATIENCE
    while (so_far := done()) < count:
        if time.monotonic() > give_up:
            raise NotReady(f"only {so_far} of {count} are done after {PATIENCE:g} s; see the logs for the reason")
        progress(so_far, count)
        time.sleep(0.2)
    progress(count, count)
