"""Streams: state and stepping."""
