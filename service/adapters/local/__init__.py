"""Environments built in folders of this machine."""
