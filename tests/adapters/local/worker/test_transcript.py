"""What a transcript writes and keeps holds no credentials."""

import json
from io import StringIO

from service.adapters.local.worker.transcript import Transcript
from tests.support.clock import NOW

KEY = [
    b"-----BEGIN OPENSSH PRIVATE KEY-----",
    *[b"b3BlbnNzaC1rZXktdjEAAAAA" + b"x" * 46] * 8,
    b"-----END OPENSSH PRIVATE KEY-----",
]


def test_a_printed_key_is_neither_written_nor_kept() -> None:
    out = StringIO()
    transcript = Transcript(out, limit=100_000)
    transcript.enter("build", at=NOW)

    transcript.log_output([b"before", *KEY[:4]])
    transcript.log_output([*KEY[4:], b"after"])

    written = [json.loads(line)["text"] for line in out.getvalue().splitlines()]
    assert written == ["before", *["…"] * len(KEY), "after"]
    assert list(transcript.tail) == written
