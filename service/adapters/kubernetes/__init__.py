"""Builds as Jobs of a Kubernetes cluster, made of Cloud Native Buildpacks phases."""
