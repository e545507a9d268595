"""Brokers and databases on hosts of their own, to be killed, paused and cut off."""

__all__: list[str] = []
