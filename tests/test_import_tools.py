"""The import system's own tools, and what modules look like, with an archive as without."""

# ruff: noqa: E501 (the programs that are run stand here as text)

import pytest
from processes import plain_and_served


def test_a_module_can_be_reloaded(stall_with):
    archive = stall_with()
    program = """
import importlib, json, orchard.apples as apples, orchard.pears
before = apples, apples.Apple, apples.price(4)
file = open(apples.__file__, encoding="utf-8")
text = file.read(); file.close()
apples.MARK = 1
assert importlib.reload(apples) is before[0] and apples.MARK == 1 and apples.Apple is not before[1]
with open(apples.__file__, "w", encoding="utf-8") as file:
    file.write(text.replace("per_kilo=2.5", "per_kilo=1000"))
print(importlib.reload(apples).price(4), before[2], importlib.reload(orchard.pears).sorts())
"""
    plain_and_served(archive, "-c", program, cwd=archive.root)


def test_a_module_removed_from_sys_modules_is_imported_again(stall):
    program = """
import sys, orchard.apples, orchard.pears
first = orchard.apples
del sys.modules["orchard.apples"], orchard.apples
import orchard.apples
print(first is orchard.apples, orchard.apples.price(1), first.Apple is orchard.apples.Apple, first.price(2))
for name in [name for name in sys.modules if name.startswith("orchard")]:
    del sys.modules[name]
import orchard.pears
print(orchard.pears.sorts(), orchard.pears.__file__, orchard.basket())
"""
    plain_and_served(stall, "-c", program, cwd=stall.root)


TOOLS = {
    "pkgutil.walk_packages": "import pkgutil, orchard\n"
    "for m in pkgutil.walk_packages(orchard.__path__, 'orchard.', onerror=print): print(m.name, m.ispkg)",
    "pkgutil.iter_modules": "import pkgutil, orchard.pears, meadow\n"
    "print([m[1:] for m in pkgutil.iter_modules([*orchard.pears.__path__, *meadow.__path__])])",
    "pkgutil.get_data": "import pkgutil; print(pkgutil.get_data('orchard', 'data/basket.json'))",
    "pkgutil.get_loader": "import pkgutil, warnings; warnings.simplefilter('ignore')\n"
    "print(getattr(pkgutil, 'get_loader', lambda n: None)('orchard.apples') is not None)",
    "importlib.resources": "from importlib import resources as r\n"
    "import orchard\n"
    "print(r.files('orchard').joinpath('data', 'basket.json').read_text('utf-8'))\n"
    "print(sorted(p.name for p in r.files(orchard).iterdir() if p.name[0] != '_'))\n"
    "with r.as_file(r.files(orchard) / 'data' / 'basket.json') as f: print(f.exists(), f)",
    "find_spec": "import importlib.util as u, sys\n"
    "s = u.find_spec('orchard.apples'); print(s.name, s.origin, s.cached, s.parent, s.has_location)\n"
    "print('orchard.apples' in sys.modules)\n"
    "import orchard.apples; print(orchard.apples.price(2), u.find_spec('orchard.apples') is orchard.apples.__spec__)\n"
    "print(u.find_spec('orchard.nothing'), u.find_spec('nothing'))",
    "find_spec of everything": "import importlib.util as u\n"
    "for n in ('orchard', 'orchard.pears', 'orchard.pears.grün', 'meadow', 'meadow.grass', 'stall', 'json'):\n"
    "    s = u.find_spec(n); print(s.name, s.origin, s.submodule_search_locations and list(s.submodule_search_locations))",
    "module_from_spec": "import importlib.util as u, sys\n"
    "for _ in range(3):\n"
    "    s = u.find_spec('orchard.apples'); sys.modules[s.name] = m = u.module_from_spec(s); s.loader.exec_module(m); print(m.price(2))",
    "spec_from_file_location": "import importlib.util as u, sys\n"
    "s = u.spec_from_file_location('other', 'orchard/apples.py'); sys.modules['other'] = m = u.module_from_spec(s)\n"
    "s.loader.exec_module(m); print(m, m.Apple, m.price(3))",
    "LazyLoader": "import importlib.util as u, sys\n"
    "s = u.find_spec('orchard.apples'); s.loader = u.LazyLoader(s.loader); m = u.module_from_spec(s)\n"
    "sys.modules['orchard.apples'] = m; s.loader.exec_module(m); print(type(m).__name__); print(m.price(2))",
    "load_module": "import importlib.util as u, warnings; warnings.simplefilter('ignore')\n"
    "l = u.find_spec('orchard.apples').loader\n"
    "print(hasattr(l, 'load_module') and l.load_module('orchard.apples').price(2))",
    "runpy.run_module": "import runpy; print(runpy.run_module('orchard.long')['v2'], runpy.run_module('meadow.grass')['COLOUR'])\n"
    "print(sorted(k for k in runpy.run_module('orchard.constants', {'x': 1}, 'named') if k[0] != '_'))",
    "runpy.run_module altering sys": "import runpy; runpy.run_module('orchard', run_name='__main__', alter_sys=True)",
    "runpy.run_path": "import runpy; print(runpy.run_path('orchard/apples.py')['price'](2)); runpy.run_path('.')",
    "inspect": "import inspect, orchard.apples as a\n"
    "print(inspect.getsource(a.fail), inspect.getsource(a.Apple), inspect.getmodule(a.fail), inspect.getfile(a))\n"
    "print(inspect.signature(a.Apple), inspect.getdoc(a), inspect.getcomments(a.fail))",
    "loader methods": "import orchard, orchard.apples as a\n"
    "for m in (orchard, a):\n"
    "    l = m.__loader__; print(l.name, l.path, l.get_filename(), l.is_package(m.__name__), hash(l) == hash(l))\n"
    "    print(len(l.get_source(m.__name__)), len(l.get_data(m.__file__)), l.path_stats(m.__file__))\n"
    "    print(l.get_code(m.__name__).co_filename, l.contents() if hasattr(l, 'contents') else None)\n"
    "    try: l.get_code('another')\n"
    "    except ImportError as e: print(e, e.name)\n"
    "    try: l.get_data('/no/such/file')\n"
    "    except OSError as e: print(e)",
    "loader classes": "import importlib.abc as abc, importlib.machinery as m, orchard.apples as a\n"
    "print([isinstance(a.__loader__, c) for c in (m.SourceFileLoader, abc.Loader, abc.SourceLoader, abc.FileLoader)])",
    "namespace packages": "import meadow, meadow.grass\n"
    "print(list(meadow.__path__), meadow.__file__ if hasattr(meadow, '__file__') else None, meadow.__spec__.origin)\n"
    "print(meadow.grass.COLOUR, meadow.grass.__package__)",
    "pickling": "import pickle, orchard.apples as a\n"
    "x = [a.price, a.Apple('x', 1.5, [1]), a.Crate([]), a.Size.LARGE, a.Point(1), a.TAG]\n"
    "for p in range(pickle.HIGHEST_PROTOCOL + 1): print(pickle.loads(pickle.dumps(x, p)) == x, len(pickle.dumps(x, p)))",
    "marshalling": "import marshal, orchard.constants as c\n"
    "f = c.value_of.__code__; g = marshal.loads(marshal.dumps(f)); print(f == g, g.co_consts == f.co_consts)\n"
    "f = f.replace(co_name='renamed'); print(f.co_name, f.co_filename)",
    "functions made of archived code": "import types, orchard.apples as a, orchard.constants as c\n"
    "f = types.FunctionType(a.price.__code__, {}, 'f', (2.5,)); print(f(2), f.__defaults__)\n"
    "def g(x): return x\n"
    "g.__code__ = a.price.__code__.replace(co_argcount=2); print(g(1, 2))\n"
    "print(c.value_of(1, 2, 5, third=4)(3), list(c.counting()), c.is_member(True), c.is_member((5, 'six')))\n"
    "print(c.choose([1, 2]), c.choose({'kind': 'apple', 'grams': 200.0}), c.Outer.Inner().method()[1])",
    "constants": "import orchard.constants as c\n"
    "for v in c.everything() + list(c.large()): print(type(v), ascii(v).partition(' at 0x')[0])",
    "tracing": "import sys\n"
    "seen = []\n"
    "def trace(frame, event, arg):\n"
    "    if 'orchard' in frame.f_code.co_filename: seen.append((frame.f_code.co_name, frame.f_lineno, event))\n"
    "    return trace\n"
    "sys.settrace(trace)\n"
    "import orchard.apples\n"
    "orchard.apples.price(2)\n"
    "sys.settrace(None)\n"
    "print(len(seen), seen[:20], seen[-4:])",
    "profiling": "import sys\n"
    "seen = []\n"
    "sys.setprofile(lambda f, e, a: seen.append((f.f_code.co_name, e)) if 'orchard' in f.f_code.co_filename else None)\n"
    "import orchard.pears\n"
    "orchard.pears.sorts()\n"
    "sys.setprofile(None)\n"
    "print(seen)",
    "audit": "import sys\n"
    "seen = []\n"
    "sys.addaudithook(lambda e, a: seen.append((e, a[0])) if e == 'import' and 'orch' in a[0] else None)\n"
    "import orchard.apples, orchard.pears\n"
    "print(seen)",
    "warm code": "import orchard.constants as c, orchard.apples as a\n"
    "for n in range(20000): a.price(n); c.is_member(n); c.value_of(n, 1, 2)(3)\n"
    "import dis; print(a.price(2), a.price.__code__.co_code == a.price.__code__.replace().co_code)",
    "monitoring": "import sys\n"
    "m = getattr(sys, 'monitoring', None)\n"
    "import orchard.apples as a\n"
    "seen = []\n"
    "if m:\n"
    "    m.use_tool_id(1, 'test'); m.register_callback(1, m.events.LINE, lambda c, l: seen.append((c.co_name, l)))\n"
    "    m.set_local_events(1, a.price.__code__, m.events.LINE); a.price(1); a.price(2)\n"
    "    m.set_local_events(1, a.price.__code__, 0); a.price(3); m.free_tool_id(1)\n"
    "print(seen, a.price(4))",
}  # fmt: skip


@pytest.mark.parametrize("tool", TOOLS)
@pytest.mark.ends
def test_a_tool_of_the_import_system_works_as_without_an_archive(tool, stall):
    done = plain_and_served(stall, "-c", TOOLS[tool], cwd=stall.root)
    assert done.status == 0, done.err


def test_a_namespace_package_has_all_its_portions(stall, tmp_path):
    other = tmp_path / "meadow"
    other.mkdir()
    (other / "flower.py").write_text("COLOUR = 'red'\n")
    program = (
        "import meadow.grass, meadow.flower; print(meadow.grass.COLOUR, meadow.flower.COLOUR, list(meadow.__path__))"
    )
    for path in (f"{tmp_path}:{stall.root}", f"{stall.root}:{tmp_path}"):
        plain_and_served(stall, "-c", program, PYTHONPATH=path, cwd=tmp_path / "meadow")


ATTRIBUTES = """
import sys, types
import stall, orchard.late
for name, module in sorted(sys.modules.items()):
    # Two built-in modules are the loader's; `unicodedata` is needed by a parser that had to look at a text.
    if name in ("__main__", "_glowplug", "gc", "atexit", "unicodedata"):
        continue
    spec = getattr(module, "__spec__", None)
    print(name, [getattr(module, a, "-") for a in ("__name__", "__file__", "__cached__", "__package__", "__doc__")])
    print(repr(module).partition(" at 0x")[0])
    path = getattr(module, "__path__", None)
    print(type(path).__name__, list(path) if path is not None else None)
    if spec is not None:
        print([getattr(spec, a) for a in ("name", "origin", "cached", "parent", "has_location", "loader_state")])
        where = spec.submodule_search_locations
        print(type(where).__name__, list(where) if where is not None else None, where is path)
        print(spec.loader is getattr(module, "__loader__", None), sorted(vars(spec)))
        print([getattr(spec.loader, a, "-") for a in ("name", "path")] if type(spec.loader) is not type else "")
"""


@pytest.mark.parametrize("prefix", [None, "cache"])
def test_modules_look_like_plain_ones_in_every_attribute(prefix, stall, tmp_path):
    folder = prefix and tmp_path / prefix
    plain_and_served(stall, "-c", ATTRIBUTES, cwd=stall.root, PYTHONPYCACHEPREFIX=folder)


def test_modules_run_as_a_script_look_like_plain_ones_too(stall):
    (script := stall.root.parent / "attributes.py").write_text(ATTRIBUTES)
    plain_and_served(stall, script, PYTHONPATH=stall.root)
