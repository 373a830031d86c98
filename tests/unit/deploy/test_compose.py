"""What `docker-compose.yml` promises of its servers."""

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
