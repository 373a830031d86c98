"""The metrics of intake. docs/operations.md lists all metrics; a test compares."""

from prometheus_client import Gauge

transfers_overdue = Gauge("joldama_transfers_overdue", "Transfers that nobody has answered in time")
