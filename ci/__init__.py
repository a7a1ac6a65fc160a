"""The pipelines of this repository and of every service, and the pins they share."""
