"""The management plane: health, metrics and the drain, on a port and in a thread of their own."""
