"""A forge of our own making: GitHub's, GitLab's and some of Gitea's REST resources out
of real bare repositories, git over HTTP, and the vendors' webhooks for real pushes.

`async with a_forge(folder, vendor="github") as forge` runs one.
"""

from tests.support.forge.deliveries import Delivery
from tests.support.forge.hooks import Hook
from tests.support.forge.recording import Recorded
from tests.support.forge.repositories import HostedRepo
from tests.support.forge.server import Forge, Vendor, a_forge

__all__ = ["Delivery", "Forge", "Hook", "HostedRepo", "Recorded", "Vendor", "a_forge"]
