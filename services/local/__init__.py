"""The whole network on one machine: a real Apache Kafka, Valkey and SQLite, nothing to install but Python."""
