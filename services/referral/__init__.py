"""Ranks centers, runs each referral's life and keeps its record. Never sees a name, never touches Redis."""
