"""The parts, each of which can be run alone: `python -m benchmarks --only NAME`."""
