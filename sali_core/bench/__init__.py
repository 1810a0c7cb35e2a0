"""Measures how fast a network runs on the machine at hand, and what that machine is good for."""
