"""A cluster of three Valkey masters on loopback, and a slot that goes from one to another, key by key."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from redis import Redis
from redis.crc import key_slot

from services.local.ports import LOOPBACK, Ports
from services.local.private import write_private
from services.local.valkey import SETTINGS, Valkey
from tests.support.servers import Server, wait_until

SLOTS = 16_384
NODES = 3


class Node(Valkey):
    """A server with the cluster switched on; `bus` is the port by which the nodes talk."""

    bus = 0

    @property
    def operator_url(self) -> str:
        """For whoever speaks with this node alone."""
        return self.url

    def prepare(self) -> None:
        super().prepare()
        settings = self.folder / SETTINGS
        more = f"cluster-enabled yes\ncluster-port {self.bus}\ncluster-node-timeout 5000\n"
        write_private(settings, settings.read_text() + more)


@dataclass(frozen=True, slots=True)
class ValkeyCluster:
    """The running nodes."""

    servers: tuple[Server, ...]
    clients: tuple[Any, ...]
    """One of each node, to speak with it alone."""

    @property
    def url(self) -> str:
        """As `JOLDAMA_REDIS_URL` has it."""
        return self.servers[0].address.replace("://", "+cluster://", 1)

    def form(self) -> None:
        """Give each node a third of the slots, and introduce them to each other."""
        for number, client in enumerate(self.clients):
            first, end = (SLOTS * part // NODES for part in (number, number + 1))
            client.execute_command("CLUSTER", "ADDSLOTSRANGE", first, end - 1)
        for server in self.servers[1:]:
            node = server.part
            assert isinstance(node, Node)
            self.clients[0].execute_command("CLUSTER", "MEET", LOOPBACK, node.port, node.bus)
        wait_until(lambda: all(map(_sees_all, self.clients)), "each node knows the others and their slots")

    def owner(self, key: str) -> int:
        """The number of the node that has the slot of `key`."""
        ranges, slot = self.clients[0].execute_command("CLUSTER", "SLOTS"), key_slot(key.encode())
        return self._ids().index(next(master[2] for first, last, master, *_ in ranges if first <= slot <= last))

    def begin_move(self, key: str, to: int) -> None:
        """The slot of `key` is on its way: what is there is at its owner, what is not is at node `to`."""
        slot, source, ids = key_slot(key.encode()), self.owner(key), self._ids()
        self.clients[to].execute_command("CLUSTER", "SETSLOT", slot, "IMPORTING", ids[source])
        self.clients[source].execute_command("CLUSTER", "SETSLOT", slot, "MIGRATING", ids[to])

    def move_keys(self, source: int, to: int, *keys: bytes | str) -> None:
        port = self.clients[to].connection_pool.connection_kwargs["port"]
        self.clients[source].execute_command("MIGRATE", LOOPBACK, port, "", 0, 5000, "KEYS", *keys)

    def keys(self, key: str, node: int) -> list[bytes]:
        """Those of the slot of `key` that `node` has."""
        found: list[bytes] = self.clients[node].execute_command(
            "CLUSTER", "GETKEYSINSLOT", key_slot(key.encode()), 100_000
        )
        return found

    def end_move(self, key: str, to: int) -> None:
        """Move the rest of the keys, then tell all nodes whose the slot is."""
        slot, source, ids = key_slot(key.encode()), self.owner(key), self._ids()
        while rest := self.keys(key, source):
            self.move_keys(source, to, *rest[:100])
        for node in (to, source, *range(NODES)):
            self.clients[node].execute_command("CLUSTER", "SETSLOT", slot, "NODE", ids[to])

    def _ids(self) -> list[bytes]:
        return [client.execute_command("CLUSTER", "MYID") for client in self.clients]


def _sees_all(client: Any) -> bool:
    info = client.execute_command("CLUSTER INFO")
    return bool(info["cluster_state"] == "ok" and info["cluster_known_nodes"] == str(NODES))


@contextmanager
def running_cluster(folder: Path, kind: type[Node] = Node) -> Iterator[ValkeyCluster]:
    """Three nodes, one cluster; ended with the body."""
    with Ports() as ports:
        nodes = [kind(folder / str(number), ports.choose()) for number in range(NODES)]
        for node in nodes:
            object.__setattr__(node, "bus", ports.choose())
        servers = [Server(node) for node in nodes]
        clients = [Redis.from_url(node.operator_url) for node in nodes]
        try:
            for server in servers:
                server.start()
            cluster = ValkeyCluster(tuple(servers), tuple(clients))
            cluster.form()
            yield cluster
        finally:
            for client in clients:
                client.close()
            for server in servers:
                server.stop()
