"""What is followed in an upstream Renku."""
