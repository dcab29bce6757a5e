# ruff: noqa: N999
NAME = "grüne Jagdbirne"
