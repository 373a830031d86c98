"""Shared by the tests: real servers, a whole network, conditions to wait for, and checks of what a run left behind."""
