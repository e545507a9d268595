"""What we write for AMQP, read by the library."""

import struct

from aiormq import spec
from pamqp.header import ContentHeader

__all__ = ["properties_in"]


def properties_in(written: bytes) -> spec.Basic.Properties:
    """Read the properties of a message."""
    header = ContentHeader()
    header.unmarshal(struct.pack(">HHQ", 60, 0, 0) + written)
    return header.properties
