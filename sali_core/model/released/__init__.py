"""What only the topology of the authors' published code needs."""
