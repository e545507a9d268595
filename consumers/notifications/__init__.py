"""Notifications: events ▶ messages to the channels of projects."""
