"""Notifications by webhook and by mail."""
