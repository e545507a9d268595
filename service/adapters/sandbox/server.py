"""The fork server: `python -m service.adapters.sandbox.server`, control socket on 0.

It has the readers imported and used on examples of ours, so a child that reads begins
within a few milliseconds; what strangers wrote it never sees. It ends when its client
does, even by `kill -9`, and its children end with it, even in an endless loop: the
kernel sees to both.
"""

import gc
import os
import selectors
import signal
import socket
from contextlib import suppress
from importlib import import_module
from typing import Any, Final

from service.adapters.sandbox.child import Reader, die_with_parent, run_child
from service.adapters.sandbox.wire import HEADER_SIZE, STATUS, read_header
from service.ports.sandbox import Task, WorkBudget

__all__ = ["MODULE", "main"]

MODULE: Final = "service.adapters.sandbox.server"

_READERS: Final = {
    Task.DEFINITION: "service.definitions.child_protocol",
    Task.DELIVERY: "service.forges.child_parser",
}
"""Modules as `Reader` has them; imported and made ready when first asked for."""


def main() -> None:
    """Serve until the control socket ends."""
    # A service that is killed with -9 cannot end us; without this each restart would
    # leave a server and its children behind.
    die_with_parent()
    # Ctrl-C in a terminal reaches the whole group; the service decides when this
    # process ends.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    _Server(socket.socket(fileno=0)).run()


class _Server:
    def __init__(self, control: socket.socket) -> None:
        self._control = control
        self._readers: dict[Task, Reader] = {}
        self._statuses: dict[int, int] = {}
        """The descriptor for the exit status of a child, by its process id."""
        self._woken, waker = socket.socketpair()
        self._woken.settimeout(0)
        waker.settimeout(0)
        self._waker = waker
        signal.signal(signal.SIGCHLD, lambda *_: None)
        # `select` is called again after a handler (PEP 475), so only the descriptor
        # wakes it.
        signal.set_wakeup_fd(waker.fileno(), warn_on_full_buffer=False)

    def run(self) -> None:
        with selectors.DefaultSelector() as selector:
            selector.register(self._control, selectors.EVENT_READ)
            selector.register(self._woken, selectors.EVENT_READ)
            while True:
                ready = {key.fileobj for key, _ in selector.select()}
                if self._woken in ready:
                    self._reap()
                if self._control in ready and not self._take():
                    return

    def _take(self) -> bool:
        """Begin the next task; False when the client is gone."""
        header, descriptors, _, _ = socket.recv_fds(self._control, HEADER_SIZE, 2)
        if len(header) < HEADER_SIZE:
            return False
        task, budget = read_header(header)
        conversation, status = descriptors
        try:
            self._fork(task, budget, conversation, status)
        except OSError:  # no room for a process: the client sees no status
            os.close(status)
        finally:
            os.close(conversation)
        return True

    def _fork(
        self, task: Task, budget: WorkBudget, conversation: int, status: int
    ) -> None:
        reader = self._reader(task)
        # What is there is shared with children, as long as nobody writes to it.
        # Objects of the frozen generation are not touched by the child's collector, so
        # their pages stay shared.
        gc.freeze()
        ours = os.getpid()
        child = os.fork()
        if child == 0:
            run_child(reader, budget, conversation, parent=ours)
        self._statuses[child] = status

    def _reader(self, task: Task) -> Reader:
        if task not in self._readers:
            reader: Any = import_module(_READERS[task])
            reader.prepare()
            self._readers[task] = reader
        return self._readers[task]

    def _reap(self) -> None:
        with suppress(BlockingIOError):
            while self._woken.recv(4096):
                pass
        with suppress(ChildProcessError):
            while (ended := os.waitpid(-1, os.WNOHANG)) != (0, 0):
                child, how = ended
                status = self._statuses.pop(child)
                with suppress(OSError):
                    os.write(status, STATUS.pack(how))
                os.close(status)


if __name__ == "__main__":
    main()
