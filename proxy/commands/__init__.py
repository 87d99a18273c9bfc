"""Commands that run with a role's secrets: in their environment, or in files beside them."""
