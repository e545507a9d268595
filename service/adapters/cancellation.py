"""Whether the running task was cancelled, where a library forgets it or hides it."""

import asyncio

__all__ = ["count_cancellations"]


def count_cancellations() -> int:
    """Return how often the running task was cancelled, and not taken back; 0 in none.

    What counts is what came since somebody began: a task whose `TaskGroup` failed is
    counted as cancelled for ever after, and is not (seen with Python 3.11).
    """
    task = asyncio.current_task()
    return 0 if task is None else task.cancelling()
