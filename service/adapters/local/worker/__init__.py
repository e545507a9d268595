"""What runs inside a build process."""
