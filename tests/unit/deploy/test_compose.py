"""Settings in `docker-compose.yml` on which the services rely."""

import re

from services.kit.settings import CHECKOUT


def test_redis_refuses_before_the_kernel_kills_it() -> None:
    """Without `maxmemory` the limit of the container is met first, and `noeviction` never speaks."""
    service = (CHECKOUT / "docker-compose.yml").read_text().partition("\n  redis:\n")[2]
    most = re.search(r"^ +maxmemory ([0-9]+)mb$", service, re.MULTILINE)
    limit = re.search(r"mem_limit: ([0-9]+)m\b", service)
    assert most
    assert limit
    assert int(most[1]) <= int(limit[1]) * 0.85


def test_both_services_that_call_a_figure_stale_are_told_the_same_days() -> None:
    text = (CHECKOUT / "docker-compose.yml").read_text()
    for anchor in ("x-referral: &referral", "x-capacity: &capacity"):
        environment = text.partition(f"\n{anchor}\n")[2].partition("\n\n")[0]
        assert "JOLDAMA_STALE_AFTER_DAYS: ${JOLDAMA_STALE_AFTER_DAYS:-7}" in environment, anchor


def test_a_worker_restarts_under_its_old_name() -> None:
    """With another one it would wait until its old self's session has timed out."""
    service = (CHECKOUT / "docker-compose.yml").read_text().partition("\n  referral-worker:\n")[2].partition("\n\n")[0]
    assert "JOLDAMA_WORKER_INSTANCE: ${JOLDAMA_WORKER_INSTANCE:-1}" in service


def test_the_proxy_forwards_to_public_ports_only() -> None:
    text = (CHECKOUT / "deploy" / "Caddyfile").read_text()
    assert re.findall(r"UPSTREAM:(\S+)}", text) == ["console:8080", "intake:8080", "referral:8080", "capacity:8080"]
    assert "8081" not in text
    service = (CHECKOUT / "docker-compose.yml").read_text().partition("\n  proxy:")[2].partition("\n\n")[0]
    assert "networks: [front]" in service
    assert "read_only: true" in service
