"""The embedded bus, in tables of the database."""
