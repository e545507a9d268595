"""What the product knows: values and decisions. Standard library only, no I/O."""
