"""Deliveries of forges: bytes in; pushes, an ignored event or an error out. No I/O."""
