"""Technical code that every service shares: HTTP, SQL, Kafka and dead letters."""
