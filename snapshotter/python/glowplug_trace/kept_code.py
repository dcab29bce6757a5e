"""Which functions are still there when the target has run: the others' code need not stay in memory.

Functions and suspended frames are asked for their code by attribute. `gc.get_referents` of any object would find more,
but it gives out what extension modules keep on free lists (`_asyncio`, 3.12), and that must not be touched. A function
that is missed costs memory at run time, nothing else.
"""

# `types` must not be imported before the target imports it.
Code = type((lambda: None).__code__)


def attributes():
    """The attribute that holds the code, by type."""

    async def coroutine():
        pass

    async def asynchronous_generator():
        yield

    suspended = coroutine()
    found = {
        type(attributes): "__code__",
        type(_ for _ in ()): "gi_code",
        type(suspended): "cr_code",
        type(asynchronous_generator()): "ag_code",
    }
    suspended.close()
    return found


def by_file():
    """(first line, name) of the code objects that are in use, by file name; what they contain included."""
    import gc

    holders = attributes()
    found = {}
    known = set()
    waiting = [
        getattr(tracked, holders[type(tracked)]) for tracked in gc.get_objects() if type(tracked) in holders
    ]  # fmt: skip
    while waiting:
        code = waiting.pop()
        if id(code) not in known:
            known.add(id(code))
            found.setdefault(code.co_filename, set()).add((code.co_firstlineno, code.co_name))
            waiting += [constant for constant in code.co_consts if type(constant) is Code]
    return {file: sorted(functions) for file, functions in found.items()}
