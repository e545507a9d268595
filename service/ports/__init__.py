"""Ports: what the service needs from databases, brokers, forges and builders.

Every implementation of a port passes the suite in `tests/contracts/`.
"""
