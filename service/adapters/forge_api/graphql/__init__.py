"""GraphQL of the forges: a head and its files in one request."""
