"""The demo: a real service, real pushes, real builds."""
