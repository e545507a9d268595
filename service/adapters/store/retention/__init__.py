"""What is kept for a while only: removal in batches, and what is stored."""
