"""A generated service under floods, failures and overload, driven from outside as a container would run it."""
