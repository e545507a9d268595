"""A stand-in of Renku's data service with its quirks, and of its Keycloak's tokens."""

from tests.support.renku.accounts import CLIENT, CLIENT_SECRET, TOKEN_PATH
from tests.support.renku.server import Renku, a_renku
from tests.support.renku.state import Build, Environment, Launcher, Project

__all__ = [
    "CLIENT",
    "CLIENT_SECRET",
    "TOKEN_PATH",
    "Build",
    "Environment",
    "Launcher",
    "Project",
    "Renku",
    "a_renku",
]
