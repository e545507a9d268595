"""Plain git: remotes, commits and working trees."""
