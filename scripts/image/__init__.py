"""The image of relaunch, made without a container engine: `python -m scripts.image`."""
