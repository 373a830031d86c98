"""Who may talk to whom in deploy/kubernetes: what each process needs by its settings, and nothing else."""

import pytest

from tests.support.kubernetes import OVERLAYS, Workload, matches, of_kind, workloads

CALLS = {
    "intake": {"referral"}, "referral": {"capacity"}, "capacity": {"referral"},
    "referral-worker": {"capacity", "intake"},
}  # fmt: skip
"""Which service asks which, as docs/security.md says of the processes' identities."""


def needed(one: Workload) -> set[str]:
    """Whom a process reaches, by the variables that it has; those that serve or sign in look up the issuer's keys."""
    servers = {"SQL_URL": "postgres", "REDIS_URL": "redis", "SESSIONS_URL": "redis", "LIMITS_URL": "redis"}
    found = {server for end, server in servers.items() for variable in one.own if variable.endswith(end)}
    found |= {"kafka"} if "JOLDAMA_KAFKA_USERNAME" in one.own else set()
    found |= {"issuer"} if "JOLDAMA_CLIENT_ID" in one.own else set()
    found |= {"edge"} if "JOLDAMA_CONSOLE_URL" in one.shared else set()
    return found | CALLS.get(one.name, set())


@pytest.mark.parametrize("overlay", OVERLAYS)
def test_a_process_reaches_what_it_needs_and_nothing_else(overlay: str) -> None:
    policies = of_kind(overlay, "NetworkPolicy").values()
    for name, one in workloads(overlay).items():
        assert {label.removeprefix("to-") for label in one.labels if label.startswith("to-")} == needed(one), name
        selecting = [found for found in policies if matches(found["spec"]["podSelector"], one.labels)]
        out = {found["metadata"]["name"] for found in selecting if found["spec"].get("egress")}
        assert out == {"names", *(f"to-{other}" for other in needed(one))}, name


@pytest.mark.parametrize("overlay", OVERLAYS)
def test_only_services_that_ask_and_the_monitoring_come_to_a_port_inside(overlay: str) -> None:
    found, policies = workloads(overlay), of_kind(overlay, "NetworkPolicy")
    for name, one in found.items():
        rules = [rule for policy in policies.values() if matches(policy["spec"]["podSelector"], one.labels)
                 for rule in policy["spec"].get("ingress", []) if rule["ports"] != [{"port": "public"}]]  # fmt: skip
        selectors = [peer for rule in rules for peer in rule["from"]]
        assert [list(peer) for peer in selectors].count(["namespaceSelector"]) == 1, "the monitoring"
        asking = {other for other, caller in found.items() for peer in selectors
                  if "podSelector" in peer and matches(peer["podSelector"], caller.labels)}  # fmt: skip
        assert asking == {caller for caller, asked in CALLS.items() if name in asked}, name
        assert all(rule["ports"] == [{"port": "inside"}] for rule in rules)


@pytest.mark.parametrize("overlay", OVERLAYS)
def test_whatever_no_policy_allows_is_refused(overlay: str) -> None:
    policies = of_kind(overlay, "NetworkPolicy")
    assert policies["nobody"]["spec"] == {"podSelector": {}, "policyTypes": ["Ingress", "Egress"]}
    for name, policy in policies.items():
        for rule in (*policy["spec"].get("ingress", []), *policy["spec"].get("egress", [])):
            assert rule["ports"], f"{name} names its ports"
            assert rule.get("from") or rule.get("to"), f"{name} names who"
            blocks = [peer["ipBlock"]["cidr"] for peer in rule.get("to", []) if "ipBlock" in peer]
            assert not any(one.startswith(("192.0.2.", "0.0.0.0")) for one in blocks), f"{name}: an address of its own"


@pytest.mark.parametrize("overlay", OVERLAYS)
def test_from_outside_the_public_ports_are_reached_and_no_other(overlay: str) -> None:
    found = workloads(overlay)
    served = {name for name, one in found.items() if "from-edge" in one.labels}
    assert served == {"capacity", "console", "intake", "referral"}
    assert of_kind(overlay, "NetworkPolicy")["from-edge"]["spec"]["ingress"][0]["ports"] == [{"port": "public"}]
    backends = [path["backend"]["service"] for rule in of_kind(overlay, "Ingress")["edge"]["spec"]["rules"]
                for path in rule["http"]["paths"]]  # fmt: skip
    assert {(one["name"], one["port"]["name"]) for one in backends} == {(name, "public") for name in served}
