"""Seeded runs of the whole network: load with faults, then quiet, then the invariants. `make chaos`."""
