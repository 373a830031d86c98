"""TLS between services: what a client trusts."""

import ssl
from pathlib import Path


def trusted(url: str, ca_file: Path | None) -> ssl.SSLContext | bool:
    """What an HTTP client of `url` checks a certificate by: `ca_file` alone, or without it the system's authorities.

    Nothing for plain HTTP, where loading the authorities would take 0.2 s for nothing. Raises OSError without the file.
    """
    if not url.startswith("https"):
        return False
    return ssl.create_default_context(cafile=ca_file) if ca_file else True
