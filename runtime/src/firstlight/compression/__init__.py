"""Compression of responses: which ones, for which requests, and what it changes in their headers."""
