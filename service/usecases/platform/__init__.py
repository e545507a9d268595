"""What pages of the platform ask beside launchers: repositories, alerts."""
