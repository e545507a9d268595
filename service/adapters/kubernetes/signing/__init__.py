"""Image signatures in cosign's format, and SLSA provenance."""
