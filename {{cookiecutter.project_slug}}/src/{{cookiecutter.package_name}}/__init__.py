"""An observable service. Start reading at `service.py`."""
