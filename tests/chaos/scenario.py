"""The scenario of a seed: how much load, and which faults at which moment."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from enum import StrEnum
from random import Random

SECONDS = 10.0
"""Of load, at least."""
FROZEN = 20.0
"""Seconds from SIGSTOP to SIGCONT."""
SERVICES = ("intake", "referral", "capacity", "referral-worker", "intake-relay", "referral-relay", "capacity-relay")
SERVERS = ("valkey", "kafka")
PARTS = SERVICES + SERVERS
SECOND = "-2"
"""The end of the name of a service's second process."""
CONNECTIONS = ("worker-capacity", "capacity-redis", "postgres", "kafka")
"""The connections that go through a proxy, to be cut; `postgres` only where there is one."""


class Kind(StrEnum):
    """A kind of fault."""

    KILL = "kill -9"
    FREEZE = "SIGSTOP"
    RESTART = "stop and start"
    """As an operator does: stopped in order, and started some seconds later."""
    FLUSH = "Redis flushed"
    OLDER = "Redis older file"
    KAFKA_RESTART = "Kafka restarted"
    WIPE = "Kafka wiped"
    NEW_CLUSTER = "Kafka new cluster"
    POSTGRES_RESTART = "PostgreSQL restarted"
    CUT = "connection cut"


@dataclass(frozen=True, slots=True)
class Fault:
    """`at` seconds after the load began `kind` happens to `target` (a part or a connection), for `seconds`."""

    at: float
    kind: Kind
    target: str = ""
    seconds: float = 0.0

    def __str__(self) -> str:
        what = f"{self.kind} {self.target}".strip()
        return f"{self.at:.1f}s {what}" + (f" {self.seconds:.0f}s" if self.seconds else "")


@dataclass(frozen=True, slots=True)
class Scenario:
    """One run. `gentle`: only stops and starts by hand, during which clients may see latency and 503, no more."""

    seed: int
    children: int
    faults: tuple[Fault, ...]
    opens_center: bool
    gentle: bool
    seconds: float = SECONDS
    """In which the children come."""


def doubled(one: Scenario) -> Scenario:
    """The scenario where each service has two processes: a fault is of either, and one more of a second process.

    Seven seeds in a row take away each second process.
    """
    random, target = Random(f"{one.seed} doubled"), SERVICES[one.seed % len(SERVICES)] + SECOND
    more = Fault(_when(random), Kind.RESTART, target, 3) if one.gentle else Fault(_when(random), Kind.KILL, target)
    faults = [
        replace(fault, target=fault.target + random.choice(("", SECOND))) if fault.target in SERVICES else fault
        for fault in one.faults
    ]
    return replace(one, faults=tuple(sorted([*faults, more], key=lambda fault: fault.at)))


def scenario(seed: int) -> Scenario:
    """The same seed, the same scenario. A fault that this machine cannot have is skipped when it is due."""
    random = Random(seed)
    gentle = random.random() < 0.15
    count = random.randint(3, 5) if gentle else random.randint(2, 4)
    faults = [_restart(random, SERVICES + SERVERS) if gentle else _fault(random) for _ in range(count)]
    return Scenario(
        seed=seed,
        children=random.randint(80, 150),
        faults=tuple(sorted(faults, key=lambda fault: fault.at)),
        opens_center=random.random() < 0.5,
        gentle=gentle,
    )


def _when(random: Random) -> float:
    return round(random.uniform(0.5, SECONDS - 2), 1)


def _restart(random: Random, parts: tuple[str, ...]) -> Fault:
    return Fault(_when(random), Kind.RESTART, random.choice(parts), round(random.uniform(1, 6), 1))


def _kill(random: Random) -> Fault:
    return Fault(_when(random), Kind.KILL, random.choice(PARTS))


def _freeze(random: Random) -> Fault:
    return Fault(_when(random), Kind.FREEZE, random.choice(PARTS), FROZEN)


def _cut(random: Random) -> Fault:
    return Fault(_when(random), Kind.CUT, random.choice(CONNECTIONS), round(random.uniform(1, 8), 1))


def _older(random: Random) -> Fault:
    """The file is copied at `at`, and restored so many seconds later."""
    return Fault(_when(random) / 2, Kind.OLDER, "", round(random.uniform(1, 5), 1))


def _plain(kind: Kind) -> Callable[[Random], Fault]:
    return lambda random: Fault(_when(random), kind)


_FAULTS: tuple[tuple[int, Callable[[Random], Fault]], ...] = (
    (8, _kill),
    (3, _freeze),
    (4, lambda random: _restart(random, SERVICES)),
    (3, _plain(Kind.FLUSH)),
    (2, _older),
    (2, _plain(Kind.KAFKA_RESTART)),
    (2, _plain(Kind.WIPE)),
    (1, _plain(Kind.NEW_CLUSTER)),
    (2, _plain(Kind.POSTGRES_RESTART)),
    (4, _cut),
)
"""Each with its weight."""


def _fault(random: Random) -> Fault:
    weights, makers = zip(*_FAULTS, strict=True)
    make: Callable[[Random], Fault] = random.choices(makers, weights)[0]
    return make(random)
