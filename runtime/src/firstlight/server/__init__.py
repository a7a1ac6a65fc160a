"""The process: what is opened and closed, the HTTP server, the drain."""
