"""The servers under test. They run in the environments of `environments.py`, not in this repository's own."""
