"""Capacity's own metrics. docs/operations.md lists all metrics; a test compares."""

from prometheus_client import Counter

unreadable = Counter("joldama_capacity_unreadable_total", "Entries of the store that were set aside", ["what"])
