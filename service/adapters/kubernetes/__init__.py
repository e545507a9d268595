"""The builder that runs Cloud Native Buildpacks phases as Jobs of a cluster."""
