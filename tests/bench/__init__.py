"""The benchmark: Joldama against the bare parts it is made of, in one run, as ratios. `make bench`."""
