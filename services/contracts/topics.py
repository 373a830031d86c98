"""The topics, set up by `deploy/topics.toml`: each service has one; two of them have a second one for the worker."""

DIAGNOSES = "diagnoses.v1"
REFERRALS = "referrals.v1"
CAPACITY = "capacity.v1"
ROUTING = "routing.v1"
"""The referral service's events that the worker reacts to, so that it need not read the others."""
HANDOVERS = "handovers.v1"
"""Capacity's events that the worker reacts to: hand-overs."""
WORKER = (DIAGNOSES, ROUTING, HANDOVERS)
"""The topics that the worker consumes."""
ALL = (DIAGNOSES, REFERRALS, CAPACITY, ROUTING, HANDOVERS)


def topic(prefix: str, name: str) -> str:
    """The topic's full name: `joldama.diagnoses.v1` for the prefix `joldama`."""
    return f"{prefix}.{name}"
