"""Outgoing notifications: where projects want them, and what becomes of one."""
