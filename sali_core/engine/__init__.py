"""How a network is run fast."""
