"""mi-sync keeps the boards of a micro-internship programme in step with its exports."""

__version__ = "0.1.0"
