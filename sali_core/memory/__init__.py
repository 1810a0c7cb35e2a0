"""Long-term memory of one stream."""
