"""A service whose orders are on several databases. `shards` is the code of docs/guides/sharding.md."""
