"""The management plane: health and metrics on a port and in a thread of their own."""
