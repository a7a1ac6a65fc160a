"""`make fleet`: the services in a folder of checkouts, and their updates in waves."""
