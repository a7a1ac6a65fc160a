"""What `make release` checks and prints."""
