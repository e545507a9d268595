"""uv projects, validated before uv runs."""
