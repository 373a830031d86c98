"""Seeded runs of the whole network under load, with faults, then quiet, then the invariants: `make chaos`."""
