"""Everything that a build started ends with it."""

import subprocess
from collections.abc import Collection

from service.adapters.local.resource_monitor import descendants, end_descendants


def test_a_child_that_one_look_missed_is_found_by_the_next() -> None:
    """As where its parent ends between the reading of the two."""
    looks: list[Collection[int]] = []

    def look(root: int) -> Collection[int]:
        looks.append(descendants(root) if looks else ())
        return looks[-1]

    root = subprocess.Popen(
        ["sh", "-c", "sleep 60 > /dev/null & echo there; wait; exit 3"],
        stdout=subprocess.PIPE,
    )
    try:
        assert root.stdout is not None
        assert root.stdout.readline() == b"there\n"
        end_descendants(root.pid, look=look)

        # It waits for its child, which has ended.
        assert root.wait(timeout=10) == 3
    finally:
        root.kill()
        root.communicate()
