"""Images and registries."""
