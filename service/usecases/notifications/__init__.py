"""Notification channels of projects."""
