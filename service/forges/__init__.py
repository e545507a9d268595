"""What forges say: a delivery in; a push, an ignored event or an error out. No I/O."""
