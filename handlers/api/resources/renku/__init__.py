"""Renku's own paths: what Renku's pages and clients ask."""
