"""Renku's shapes, whole and with nothing beside.

https://github.com/SwissDataScienceCenter/renku-data-services, `session/api.spec.yaml`.
"""
