"""Addresses of the console's pages."""

from typing import Any
from urllib.parse import urlencode

from starlette.requests import Request


def here(request: Request) -> str:
    """The address that is open, with its query."""
    return request.url.path + (f"?{request.url.query}" if request.url.query else "")


def with_query(path: str, **query: str | None) -> str:
    """The path with all of `query` that is not empty."""
    given = urlencode({name: value for name, value in query.items() if value})
    return f"{path}?{given}" if given else path


def pages_beside(path: str, cursor: str | None, following: str | None, **query: str | None) -> dict[str, Any]:
    """For a template with a pager: the addresses `first`, but on the first page itself, and `next`, or None."""
    return {
        "first": with_query(path, **query) if cursor else None,
        "next": with_query(path, **query, cursor=following) if following else None,
    }


def flag(given: str) -> str | None:
    """`mine` or `overdue` of an address as the APIs take it: None where it is not given."""
    return "true" if given else None


def local_path(target: str) -> str:
    """The address within the console, or the landing page for one that leads elsewhere."""
    plain = target.isprintable() and "\\" not in target
    return target if plain and target.startswith("/") and not target.startswith("//") else "/"
