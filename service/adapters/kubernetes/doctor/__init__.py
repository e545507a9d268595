"""The checks of a cluster and its registries before the first build."""
