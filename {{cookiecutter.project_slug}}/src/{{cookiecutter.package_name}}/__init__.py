"""An observable service. Start reading at `app.py`, the composition root."""
