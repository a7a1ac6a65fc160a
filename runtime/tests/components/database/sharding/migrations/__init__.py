"""The migrations of the service."""
