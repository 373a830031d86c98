"""Addresses of Redis: `redis://` or `rediss://` is one server; with `+cluster`, one node of a cluster. And errors."""

from redis.exceptions import RedisClusterException, RedisError

REDIS_ERRORS = RedisError, RedisClusterException
"""The second, when no node of a cluster answers as it should, is none of the first."""


def cluster_node(url: str) -> str:
    """The plain URL of the node that `redis+cluster://…` or `rediss+cluster://…` names; empty for one server."""
    scheme, cluster, rest = url.partition("+cluster://")
    return f"{scheme}://{rest}" if cluster else ""
