"""Benchmarks: ratios measured side by side in one run; nothing is asserted."""
