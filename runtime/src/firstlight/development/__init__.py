"""`make run`: the service under a supervisor that restarts it when its files change. Not for production."""
