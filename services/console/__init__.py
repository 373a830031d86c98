"""The console: web pages for polyclinics, centers and operators, over the public APIs of the other services."""
