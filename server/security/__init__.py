"""Who may use the service, and how much they may send."""
