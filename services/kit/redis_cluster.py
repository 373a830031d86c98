"""Addresses of Redis: `redis://` or `rediss://` is one server; with `+cluster`, one node of a cluster."""


def cluster_node(url: str) -> str:
    """The plain URL of the node that `redis+cluster://…` or `rediss+cluster://…` names; empty for one server."""
    scheme, cluster, rest = url.partition("+cluster://")
    return f"{scheme}://{rest}" if cluster else ""
