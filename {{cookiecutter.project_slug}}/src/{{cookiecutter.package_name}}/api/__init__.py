"""One package for each noun that clients know. Each is listed in `service.py`."""
