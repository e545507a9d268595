"""Commands of users for environments: of one launcher, and of all."""
