"""What lives as long as the process is not counted any more (Python 3.12 and later); the rest is, and dies as ever."""

import gc
import json
import sys
import weakref

import __main__

IMMORTAL = sys.version_info >= (3, 12)


def is_immortal(each):
    return sys.getrefcount(each) >= 1 << 30


assert is_immortal(json) == IMMORTAL
assert is_immortal(json.JSONEncoder) == IMMORTAL
assert is_immortal(json.dumps) == IMMORTAL
assert is_immortal(json.dumps.__code__) == IMMORTAL
assert not is_immortal(__main__.HELD)
assert not is_immortal(json.__dict__)


class Class:
    def method(self):
        return self


made = [weakref.ref(each) for each in (Class, Class.method, Class())]
name, text = "a name " * 20, b"bytes"
assert not is_immortal(name + "!")
del Class
gc.collect()
assert [each() for each in made] == [None, None, None]
