"""The worker process that runs the network, and its keeper in the service."""
