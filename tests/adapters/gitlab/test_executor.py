"""A GitLab that keeps silent holds its own threads, and nobody else's."""

from threading import Event

from service.adapters.gitlab.executor import MAX_CONNECTIONS, open_executors


def test_a_host_that_holds_all_its_threads_delays_no_other() -> None:
    over = Event()
    with open_executors() as executors:
        silent = [
            executors.of("silent.example.org").submit(over.wait, 30)
            for _ in range(2 * MAX_CONNECTIONS)
        ]
        answered = executors.of("other.example.org").submit(str, 7)

        assert answered.result(timeout=10) == "7"
        assert not any(future.done() for future in silent)
        over.set()


def test_a_host_keeps_its_pool_until_the_end() -> None:
    with open_executors() as executors:
        pool = executors.of("example.org")

        assert executors.of("example.org") is pool
        assert executors.of("example.com") is not pool
