"""Projects of the repository that an image installs, and their code."""
