"""Poetry projects, validated before poetry runs."""
