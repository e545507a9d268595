"""A sandbox of processes: a fork server, and a child of it for every task."""
