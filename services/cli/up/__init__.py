"""`joldama up`: the network of services/local in the foreground, filled over the public APIs at its first start."""
