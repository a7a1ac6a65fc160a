"""What observability costs, measured: `python -m bench` runs everything, `--only cpu` one part. Start at `__main__`."""
