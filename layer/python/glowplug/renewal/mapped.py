"""Which shared libraries are mapped into this process."""


def libraries(name):
    """Paths of the mapped files that are called `name.so...`, or `name-HASH.so...` as auditwheel calls them."""
    with open("/proc/self/maps", encoding="utf-8", errors="surrogateescape") as maps:
        paths = {line.rstrip("\n").split(None, 5)[5] for line in maps if "/" in line and ".so" in line}
    return sorted(path for path in paths if path.rpartition("/")[2].startswith((f"{name}.so", f"{name}-")))
