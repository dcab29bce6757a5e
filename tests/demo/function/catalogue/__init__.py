"""Prices of the demo shop."""
