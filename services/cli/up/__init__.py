"""`joldama up`: a local network in the foreground, filled over the public APIs at its first start."""
