"""Prints the nanoseconds that the import of one module takes. Arguments: the module and its folder."""

import sys
from time import perf_counter_ns

name, folder = sys.argv[1:3]
sys.path.insert(0, folder)
begun = perf_counter_ns()
__import__(name)
print(perf_counter_ns() - begun)
