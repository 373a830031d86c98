"""What the console counts."""

from prometheus_client import Gauge

pages_live = Gauge("joldama_console_live_pages", "Open pages that are told of changes")
subscribed = Gauge("joldama_console_subscribed", "Whether the service's events reach the console", ["service"])
