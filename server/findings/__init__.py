"""Polyps over time: tracks, the persistence filter, and the findings of a session. No I/O."""
