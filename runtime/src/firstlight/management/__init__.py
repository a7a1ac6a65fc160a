"""The management plane: health and metrics, served on a separate port by a separate thread."""
