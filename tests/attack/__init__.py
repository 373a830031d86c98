"""Attacks on the running network, one file a kind: each was once tried, and must fail for ever."""
