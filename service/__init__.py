"""What we know and what we drive: domain, contract, ports, adapters, settings."""
