"""A database."""
