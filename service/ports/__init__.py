"""What the service needs from the outside: a sentence per promise.

Every implementation of a port passes the suite in `tests/contracts/`.
"""
