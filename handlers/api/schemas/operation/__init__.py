"""What operators are answered."""
