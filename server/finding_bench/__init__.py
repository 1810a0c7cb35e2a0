"""Measures the persistence filter on phantom streams whose polyps are known."""
