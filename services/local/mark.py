"""How a process is known to be a network's own."""

MARK = "JOLDAMA_PART_OF"
"""Every process of a network carries its home's path in this variable."""
