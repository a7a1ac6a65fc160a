"""`make run`: the service under a supervisor that restarts it when its files change. Nothing here runs in production."""
