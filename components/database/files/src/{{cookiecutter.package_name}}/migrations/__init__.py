"""The migrations of this service, in their order. One that was released must not be changed any more."""
