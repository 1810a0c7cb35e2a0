"""Masks drawn into the pictures themselves, for displays that cannot lay one over the other."""
