"""The roles of a process: all in one, receive, consume."""
