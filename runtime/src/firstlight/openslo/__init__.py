"""The objectives of a service in OpenSLO, for tools that read that format."""
