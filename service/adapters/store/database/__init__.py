"""One open database, SQLite or PostgreSQL."""
