"""From a seed to what happens in one run: how much load, and which faults at which moment."""

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from random import Random

SECONDS = 10.0
"""How long children are submitted and acted on, at least."""
FROZEN = 20.0
"""Seconds that a stopped (SIGSTOP) process stays stopped."""
SERVICES = ("intake", "referral", "capacity", "referral-worker", "intake-relay", "referral-relay", "capacity-relay")
SERVERS = ("valkey", "kafka")
PARTS = SERVICES + SERVERS
GATES = ("worker-capacity", "capacity-redis", "postgres", "kafka")
"""The connections that a relay can cut; `postgres` only where there is one."""


class Kind(StrEnum):
    """What can be done to a network."""

    KILL = "kill -9"
    FREEZE = "SIGSTOP"
    RESTART = "stop and start"
    """As an operator does: told to stop, and started again some seconds later."""
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
    """One run. `gentle`: nothing but stops and starts by hand, so that clients may see nothing but latency."""

    seed: int
    children: int
    faults: tuple[Fault, ...]
    opens_center: bool
    gentle: bool


def scenario(seed: int) -> Scenario:
    """The same seed, the same scenario; a fault that this machine cannot have is left out when it is due."""
    chance = Random(seed)
    gentle = chance.random() < 0.15
    count = chance.randint(3, 5) if gentle else chance.randint(2, 4)
    faults = [_restart(chance, SERVICES + SERVERS) if gentle else _fault(chance) for _ in range(count)]
    return Scenario(
        seed=seed,
        children=chance.randint(80, 150),
        faults=tuple(sorted(faults, key=lambda fault: fault.at)),
        opens_center=chance.random() < 0.5,
        gentle=gentle,
    )


def _when(chance: Random) -> float:
    return round(chance.uniform(0.5, SECONDS - 2), 1)


def _restart(chance: Random, parts: tuple[str, ...]) -> Fault:
    return Fault(_when(chance), Kind.RESTART, chance.choice(parts), round(chance.uniform(1, 6), 1))


def _kill(chance: Random) -> Fault:
    return Fault(_when(chance), Kind.KILL, chance.choice(PARTS))


def _freeze(chance: Random) -> Fault:
    return Fault(_when(chance), Kind.FREEZE, chance.choice(PARTS), FROZEN)


def _cut(chance: Random) -> Fault:
    return Fault(_when(chance), Kind.CUT, chance.choice(GATES), round(chance.uniform(1, 8), 1))


def _older(chance: Random) -> Fault:
    """The file is copied at `at`, and put back so many seconds later."""
    return Fault(_when(chance) / 2, Kind.OLDER, "", round(chance.uniform(1, 5), 1))


def _plain(kind: Kind) -> Callable[[Random], Fault]:
    return lambda chance: Fault(_when(chance), kind)


_FAULTS: tuple[tuple[int, Callable[[Random], Fault]], ...] = (
    (8, _kill),
    (3, _freeze),
    (4, lambda chance: _restart(chance, SERVICES)),
    (3, _plain(Kind.FLUSH)),
    (2, _older),
    (2, _plain(Kind.KAFKA_RESTART)),
    (2, _plain(Kind.WIPE)),
    (1, _plain(Kind.NEW_CLUSTER)),
    (2, _plain(Kind.POSTGRES_RESTART)),
    (4, _cut),
)
"""Each with its weight."""


def _fault(chance: Random) -> Fault:
    weights, makers = zip(*_FAULTS, strict=True)
    make: Callable[[Random], Fault] = chance.choices(makers, weights)[0]
    return make(chance)
