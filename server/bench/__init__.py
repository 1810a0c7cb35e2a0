"""Measures the running service from outside: delay, exactness, load (docs/benchmarks/media.md)."""
