"""The pages, a module for one or a small group of them; each has a `router`."""
