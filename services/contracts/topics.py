"""The topics, one a context, so that what concerns one key stays in order. `deploy/topics.toml` sets them."""

DIAGNOSES = "diagnoses.v1"
REFERRALS = "referrals.v1"
CAPACITY = "capacity.v1"
ALL = (DIAGNOSES, REFERRALS, CAPACITY)


def topic(prefix: str, name: str) -> str:
    """The topic's full name: `joldama.diagnoses.v1` for the prefix `joldama`."""
    return f"{prefix}.{name}"


def dead_letters(full_name: str) -> str:
    """Where what a consumer cannot take from `full_name` goes, with its reason in the headers."""
    return f"{full_name}.dlq"
