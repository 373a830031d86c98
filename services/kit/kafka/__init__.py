"""Kafka: clients, the relay of an outbox, consumers, and the watch over their topics."""
