"""A module in a namespace package."""

COLOUR = "green"
