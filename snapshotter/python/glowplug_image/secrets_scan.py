"""Looking for secrets in a file that is about to be published."""

# ruff: noqa: PTH123 (pathlib must not be imported before the target imports it)

from glowplug_image import own_imports, variables

SHORTEST = 8


def find_secrets(path, values):
    """Names of the values (bytes, at least 8 long) that are in a file, in UTF-8 or Latin-1. The file may be large."""
    wanted = [(name, form) for name, value in values.items() for form in forms(value)]
    if not wanted:
        return []
    mmap = own_imports.load("mmap")
    with open(path, "rb") as file:
        if not file.seek(0, 2):
            return []
        with mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as content:
            found = {name for name, form in wanted if content.find(form) >= 0}
    return [name for name in values if name in found]


def forms(value):
    """The byte strings that a value may be in memory as: as it is, and as a Python string of one-byte characters."""
    if len(value) < SHORTEST:
        return []
    try:
        return sorted({value, value.decode().encode("latin-1")})
    except UnicodeError:
        return [value]


def likely_secrets(environment, given=()):
    """The values of variables that look secret, as bytes by name; `given` names count whatever they are called."""
    return {
        name: value.encode("utf-8", "surrogateescape")
        for name, value in environment.items()
        if name in given or variables.is_credential(name) or variables.looks_secret(name, value)
    }
