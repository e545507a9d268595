"""What every loop needs: supervision, wake-ups, leadership, heartbeats."""
