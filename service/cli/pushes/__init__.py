"""Commands that send or replay deliveries."""
