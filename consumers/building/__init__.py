"""Builds: schedule, start, observe and clean up."""
