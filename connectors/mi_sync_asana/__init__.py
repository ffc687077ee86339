"""Asana: one task for each item."""
