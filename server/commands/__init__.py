"""The commands of `sali`, one file each."""
