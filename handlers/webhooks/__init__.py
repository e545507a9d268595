"""The way of a delivery, from the request to its receipt."""
