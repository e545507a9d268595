"""Lock files: what they mean, which packages are installed, whether they are stale."""
