"""Generated requests against the running service, by schemathesis, from its OpenAPI document."""
