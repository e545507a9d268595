"""The status of Jobs, pods, containers and events; pure except for the readers."""
