"""The metrics of the kit. docs/operations.md lists all metrics; a test compares."""

from prometheus_client import Counter, Gauge, Histogram

http_requests = Counter("joldama_http_requests_total", "Requests answered", ["route", "method", "status"])
http_seconds = Histogram(
    "joldama_http_request_seconds", "Time to the end of the answer", ["route", "method"],
    buckets=(0.002, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 10),
)  # fmt: skip
http_cut = Counter("joldama_http_connections_cut_total", "Connections ended by the server's bounds", ["reason"])
ready = Gauge("joldama_ready", "Whether a check of readiness passes: 1, or 0", ["check"])
retries = Counter("joldama_retries_total", "Steps tried again after a transient failure", ["step"])

relay_published = Counter("joldama_relay_published_total", "Events acknowledged by Kafka", ["topic"])
relay_republished = Counter("joldama_relay_republished_total", "Times a recreated topic was published anew", ["topic"])
outbox_pending = Gauge("joldama_outbox_pending", "Events not acknowledged by Kafka when last counted")
outbox_oldest = Gauge("joldama_outbox_oldest_seconds", "Age of the oldest of them; 0 when there is none")

consumer_lag = Gauge("joldama_consumer_lag", "Records not consumed yet", ["consumer", "topic"])
consumer_age = Gauge(
    "joldama_consumer_last_event_age_seconds", "Time since the last event that was processed", ["consumer", "topic"]
)
consumer_rewound = Counter("joldama_consumer_rewound_total", "Partitions rewound: the log was recreated", ["consumer"])
consumer_dead_letters = Counter("joldama_consumer_dead_letters_total", "Messages dead-lettered", ["consumer"])

dead_letters = Gauge("joldama_dead_letters", "Dead letters that are open or being retried", ["consumer", "state"])
dead_letters_retried = Counter(
    "joldama_dead_letters_retried_total", "Retries of dead letters by outcome", ["consumer", "outcome"]
)
