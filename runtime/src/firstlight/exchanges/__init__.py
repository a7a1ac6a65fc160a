"""The HTTP client of the exporters, with limits on the total time and the size of the response."""
