"""What `sali check` looks at before, or while, the service runs on a machine."""
