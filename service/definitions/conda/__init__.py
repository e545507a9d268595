"""Conda's environment files and package lists."""
