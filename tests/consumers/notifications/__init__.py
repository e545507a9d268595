"""Notifications of events to channels of projects."""
