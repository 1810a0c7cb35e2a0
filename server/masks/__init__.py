"""Masks on their way out: run lengths, messages, fan-out."""
