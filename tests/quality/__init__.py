"""How far children travel by which policy, in a simulation beside the best that hindsight could have done."""
