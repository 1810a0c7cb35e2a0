"""The SALI Live service: video in, video out, masks beside it."""
