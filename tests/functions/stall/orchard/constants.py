"""A constant of every kind that a code object can hold, and functions of every kind."""


def everything():
    return [
        None,
        True,
        ...,
        0,
        -1,
        257,
        -(2**31),
        2**63,
        -(10**40),
        0.0,
        -0.0,
        1e308 * 10,
        -1e308 * 10,
        (1e308 * 10) - (1e308 * 10),
        0.1,
        1j,
        -0.0 - 0j,
        complex,
        b"",
        b"a",
        b"\x00\xff" * 3,
        "",
        "a",
        "ä",
        "identifier",
        "not an identifier",
        "\udc80 alone",
        "ΔδЖж",
        "🍎 and 🍐",
        "x" * 4000,
        (),
        (1, (2.0, ("three", (b"four", (None, True, 1, 1.0, -0.0))))),
        ("a", "a b", 1),
    ]


def is_member(value):
    return value in {1, 2.5, "three", b"four", None, (5, "six")} or value in {True, False} or value in {0.0}


def large():
    return value_of(1000003, 1000033, 1000037, 1000039, 1000081), "ab", 1 << 100, ("x",) * 5


def value_of(first, /, second, *rest, third=3, **others):
    total = first + second + third

    def inner(factor):
        nonlocal total
        total += factor
        return [total * item for item in rest if item] + [(lambda x=total: x)()]  # noqa: PLC3002

    return inner


def counting(*, to=3):
    for number in range(to):
        got = yield number
        if got:
            return got


async def listening(source):
    async with source as opened:
        async for item in opened:
            try:
                yield await item
            except (ValueError, KeyError) as error:
                raise RuntimeError("stopped") from error
            finally:
                del item


def choose(value):
    match value:
        case {"kind": "apple", "grams": float(grams)} if grams > 100:
            return grams
        case [first, *_] | (first, _):
            return first
        case Outer.Inner(name=name):
            return name
        case _:
            return value[1:2], value[::3], value[:-1]


class Outer:
    """With a qualified name."""

    __slots__ = ("__weakref__", "name")
    KINDS = frozenset({"a", "b"})

    class Inner:
        __match_args__ = ("name",)

        def method(self):
            return super().__repr__(), __class__

    @property
    def named(self):
        return f"{self.name!r:>{10}} and {self.KINDS=}"
