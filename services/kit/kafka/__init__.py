"""Kafka: clients, the relay of an outbox, consumers, and what they know of their topics."""
