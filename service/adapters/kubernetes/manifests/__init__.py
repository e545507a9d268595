"""The manifests of Jobs; pure."""
