"""Who calls, and whether they may: the same for every way into the service."""
