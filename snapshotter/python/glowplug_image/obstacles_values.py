"""Values that init took from the outside or from chance, and that every restored process would have alike."""

import sys

from glowplug_image import own_imports, owners, variables, watch
from glowplug_image.obstacle import Obstacle

GENERATORS = (("random", "Random"), ("numpy.random._generator", "Generator"), ("numpy.random.mtrand", "RandomState"))
# Made unique again after each restore, or without a state of their own.
RENEWED = (("random", "_inst"), ("numpy.random.mtrand", "_rand"), ("random", "_sysrand"))
REGISTER = "seed it again in an after_restore hook, or use secrets or the global functions of random"
HEAP_TYPE = 1 << 9  # Py_TPFLAGS_HEAPTYPE of <object.h>
SECRET = "read it in the handler or in an after_restore hook: the image would contain it"


def generators():
    """Random number generators made at init, but for those that are seeded again after a restore."""
    gc = own_imports.load("gc")
    kinds = tuple(kind for kind in map(loaded, GENERATORS) if kind is not None)
    if not kinds:
        return []
    system = loaded(("random", "SystemRandom"))
    renewed = {id(value) for value in map(loaded, RENEWED) if value is not None}
    found = []
    for each in gc.get_objects():
        if not issubclass(type(each), kinds) or id(each) in renewed or (system and issubclass(type(each), system)):
            continue
        owner, where = owner_of(gc, each)
        if owner is not None and type(owner["file"]) is str and owners.place(owner["file"]) == owners.STDLIB:
            continue
        name = f"{type(each).__module__}.{type(each).__qualname__}"
        what = f"init seeded a generator of random numbers{where} ({name}): it is alike in every restored process"
        found.append(Obstacle("generator", what, REGISTER, owner, fatal=False))
    return found


def loaded(place):
    """An attribute of a module, if it has been imported."""
    module, attribute = place
    return getattr(sys.modules.get(module), attribute, None)


def owner_of(gc, value):
    """Who holds an object, and that in words: a module, an object that a module holds, or an object of a class."""
    held = owners.holder(value)
    if held:
        return owners.of_attribute(*held), f", {held[0].__name__}.{held[1]},"
    holders = []
    for referrer in gc.get_referrers(value):
        # An instance refers to its attributes itself (CPython 3.11) or by its dictionary.
        holders += gc.get_referrers(referrer) if type(referrer) is dict else (referrer,)
    holders = [each for each in holders if type(each).__flags__ & HEAP_TYPE]
    for each in holders:
        held = owners.holder(each)
        if held:
            return owners.of_attribute(*held), f" in {held[0].__name__}.{held[1]}"
    for each in holders:
        kind = type(each)
        module = sys.modules.get(kind.__module__)
        if module is not None and kind.__module__ != "builtins" and not owners.is_glowplug(kind.__module__):
            file = owners.namespace(module).get("__file__")
            return owners.of_file(kind.__module__, file), f" in an object of {kind.__module__}.{kind.__qualname__}"
    return None, ""


def environment():
    """Variables that were read, and the environment as a whole."""
    seen = watch.current.environment
    found = []
    for name, (value, owner) in seen.reads.items():
        if value and variables.looks_secret(name, value):
            what = f"init read {name}, which looks like a secret"
            found.append(Obstacle("secret", what, SECRET, owner, fatal=False, name=name))
            continue
        state = "it was not set" if value is None else "its value is part of the image"
        what = f"init read {name}: {state}, and a start with another one cannot use the image"
        remedy = f"set {name} as the function has it, with --env, or read it in the handler"
        found.append(Obstacle("environment", what, remedy, owner, fatal=False, name=name))
    for name, owner in seen.exempt.items():
        if variables.is_credential(name):
            what = f"init read the credential {name}"
            found.append(Obstacle("secret", what, SECRET, owner, fatal=False, name=name))
        else:
            what = f"init read {name}, which differs from sandbox to sandbox"
            remedy = "read it in the handler or in an after_restore hook"
            found.append(Obstacle("environment", what, remedy, owner, fatal=False, name=name))
    for owner in {(owner["file"], owner["line"]): owner for owner in seen.whole}.values():
        what = "init read all environment variables at once: which ones it depends on is not known"
        remedy = "read single variables by name"
        found.append(Obstacle("environment-whole", what, remedy, owner, fatal=False))
    return found


def files():
    """Data read from files, outside of packages and the standard library."""
    remedy = "nothing, if it is deployed with the function; otherwise read it in the handler"
    return [
        Obstacle(
            "file-read", f"init read {path}: its content is part of the image", remedy, owner, fatal=False, path=path
        )
        for path, owner in watch.current.files.read.items()
    ]


def find():
    return generators() + environment() + files()
