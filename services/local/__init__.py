"""The whole network on one machine, with Apache Kafka, Valkey and SQLite; only Python must be installed."""
