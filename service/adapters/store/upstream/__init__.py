"""What is kept about an upstream Renku."""
