"""Measurements: what a delivery costs. `make bench` runs them; no test imports them."""

__all__: list[str] = []
