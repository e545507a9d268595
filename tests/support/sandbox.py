"""The sandbox of every test in a process: one fork server, started when needed."""

import atexit

from service.adapters.sandbox.client import ForkingSandbox

SANDBOX = ForkingSandbox()
atexit.register(SANDBOX.close)
