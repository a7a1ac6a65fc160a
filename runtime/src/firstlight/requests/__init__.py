"""The data plane: one object around the finished application observes every request."""
