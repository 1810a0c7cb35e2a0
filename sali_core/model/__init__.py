"""Stateless modules of the network."""
