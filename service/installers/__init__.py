"""What tools that clone and install say when they fail, and what it means."""
