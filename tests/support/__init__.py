"""What the tests share: real servers, waiting, and a whole network."""
