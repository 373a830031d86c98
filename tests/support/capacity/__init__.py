"""Capacity in memory, for tests: it stands in for Redis, and the contract suite holds both to the same."""
