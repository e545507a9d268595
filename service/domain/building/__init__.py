"""Builds: their states, schedule, failures and estimates."""
