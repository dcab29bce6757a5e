"""Reads its standard input behind its snapshot point."""

import sys

import glowplug

glowplug.snapshot_point()
for line in sys.stdin:
    print(line.strip().upper())
