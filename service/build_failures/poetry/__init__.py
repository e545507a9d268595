"""Messages of poetry, with their failures."""
