"""The commands of `sali`, one file each; heavy imports stay inside the functions."""
