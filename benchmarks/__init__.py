"""How fast mi-sync is beside its peers, measured side by side: `make bench`, or `python -m benchmarks --help`."""
