import sys

print("orchard", sys.argv[1:], __name__, __package__, __spec__.name)
