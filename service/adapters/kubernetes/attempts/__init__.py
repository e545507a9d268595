"""Follow the attempts at builds: their Jobs, pods and logs, up to their outcome."""
