"""What a URL or a Kafka setting sends in the clear, for production refuses that."""

from urllib.parse import parse_qs, urlsplit

TOLD = "JOLDAMA_PLAINTEXT_INSIDE=yes allows it, where nobody else reaches the network inside"
ADVICE = {
    "http": "use https://",
    "redis": "use rediss:// (with ssl_ca_certs=FILE for a CA of your own)",
    "rediss": "do not switch off the check of the certificate",
    "postgresql": "add sslmode=verify-full (and sslrootcert=FILE for a CA of your own)",
}


def plaintext(url: str) -> str:
    """What to do about a URL whose traffic others could read or take over; empty when there is nothing.

    Raises ValueError, which does not repeat it, when it cannot be read: most likely for a password with `/` or `#`.
    """
    try:
        parts = urlsplit(url)
        scheme, _ = parts.scheme.partition("+")[0], parts.port
    except ValueError:
        raise ValueError("is no URL; in a password, percent-encode all but letters and digits") from None
    options = {name: values[-1] for name, values in parse_qs(parts.query).items()}
    if scheme == "postgresql":
        by_socket = (options.get("host") or parts.hostname or "/").startswith("/")
        guarded = by_socket or options.get("sslmode") == "verify-full"
    elif scheme == "rediss":
        unchecked = options.get("ssl_check_hostname", "true").lower() in {"false", "no", "0"}
        guarded = options.get("ssl_cert_reqs", "required") == "required" and not unchecked
    else:
        guarded = scheme not in ADVICE
    return "" if guarded else ADVICE[scheme]
