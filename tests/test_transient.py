"""What is done with once a module has run is given up; what somebody still holds is not."""

import pytest
import snapshots
from processes import plain_and_served, python

# Fills the memory that is used again with other modules' code.
REUSE = "import first, second, json.decoder, csv, gettext, argparse, shlex, string, textwrap, gc; gc.collect()\n"
SHOW = """
import dis
def show(code):
    names = [n for n in dir(code) if n.startswith("co_") and n not in ("co_lnotab", "co_positions", "co_lines",
             "co_branches")]
    for name in names:
        value = getattr(code, name)
        print(name, [show(v) if type(v) is type(code) else v for v in value] if name == "co_consts" else value)
    for i in dis.get_instructions(code):
        print(i.opname, i.argrepr.partition(" at 0x")[0])
"""


@pytest.fixture(scope="module")
def transient(tmp_path_factory, archives):
    """The archive of `functions/transient`, with the standard library's modules that the tests import."""
    root = snapshots.copy_of("transient", tmp_path_factory.mktemp("transient") / "function")
    names = "app,json.decoder,csv,gettext,argparse,shlex,string,textwrap,dis,inspect,traceback"
    return snapshots.snapshot(archives, "--import", names, "--name", "transient", root=root)


def test_the_memory_of_code_that_ran_is_used_again(transient):
    program = "import first, second; print(first.place == second.place, first.Body.place == second.Body.place)\n"
    program += "print(first.Body().method(), first.answer, first.__doc__, first.Body.__doc__)"
    done = python("-c", program, archive=transient, cwd=transient.root).silently()
    assert done.out.splitlines() == [
        "True True",
        "('one', 'two', 3.5) NOBODY KEEPS THIS FUNCTION Says where its own code lies. A class whose body runs once.",
    ]


@pytest.mark.parametrize("held", ["holds.code", "holds.Body.code", "holds.generator.gi_code", "holds.reference()"])
def test_code_that_is_held_stays_as_it_was(held, transient):
    program = f"import holds\n{REUSE}{SHOW}show({held})\nprint(list(holds.generator), holds.Body.text)"
    plain_and_served(transient, "-c", program, cwd=transient.root)


def test_code_with_a_weak_reference_stays(transient):
    program = f"import watched\n{REUSE}{SHOW}code = watched.reference()\nprint(code is None or show(code))"
    done = python("-c", program, archive=transient, cwd=transient.root).silently()
    # Plain Python frees it; what the archive holds is never freed under a weak reference.
    assert "co_name <module>" in done.out


def test_a_traceback_through_module_and_class_bodies_stays_whole(transient):
    program = f"""
try:
    import raises
except ValueError as error:
    kept = error
{REUSE}import traceback
traceback.print_exception(kept, file=__import__("sys").stdout)
"""
    shown = plain_and_served(transient, "-c", program, cwd=transient.root)
    assert "in a class body" in shown.out


def test_code_that_was_given_up_is_there_again_when_it_is_asked_for(transient):
    program = f"""import first, importlib, runpy
{REUSE}{SHOW}show(first.__loader__.get_code("first"))
before = first.Body
importlib.reload(first)
print(first.Body is before, first.Body().method())
print(runpy.run_module("second")["answer"])
show(first.__loader__.get_code("first"))
"""
    plain_and_served(transient, "-c", program, cwd=transient.root)


def test_profilers_and_tracers_see_the_same(transient):
    program = f"""import sys
seen = []
def tracer(frame, event, argument):
    if frame.f_code.co_filename.endswith(("first.py", "second.py")):
        seen.append((event, frame.f_code, frame.f_lineno))
        return tracer
sys.settrace(tracer)
import first, second
sys.settrace(None)
{REUSE}print([(event, code.co_name, code.co_firstlineno, line) for event, code, line in seen])
"""
    plain_and_served(transient, "-c", program, cwd=transient.root)


def test_threads_that_import_at_once_use_memory_of_their_own(transient):
    program = f"""import threading
names = ["first", "second", "holds", "json.decoder", "csv", "gettext", "argparse", "shlex", "textwrap"]
threads = [threading.Thread(target=__import__, args=(name,)) for name in names]
[thread.start() for thread in threads]
[thread.join() for thread in threads]
{REUSE}import holds, textwrap
print(first.answer, second.Body().method(), holds.code.co_names, textwrap.shorten("a b c", 4))
"""
    plain_and_served(transient, "-c", program, cwd=transient.root)


def test_what_a_body_only_passes_on_is_given_up_with_it(transient):
    program = "import passes; print(passes.near); print(passes.options, passes.numbers, passes.value, passes.kept())"
    near, values = python("-c", program, archive=transient, cwd=transient.root).silently().out.splitlines()
    given_up = [
        ("Formatter", "Template"),
        ("first", "second"),
        (1001, 1002.5, "a text in a list"),
        (12.5, "the default of a function that nobody keeps"),
    ]
    stays = ["the default of a function that is kept", "the value of a variable"]
    assert [repr(constant) for constant in given_up if repr(constant) not in near] == []
    assert [text for text in stays if text in near] == []
    plain = python("-c", program, cwd=transient.root).silently().out.splitlines()[1]
    assert values == plain


def test_names_that_somebody_keeps_although_they_were_only_passed_on_stay_as_they_were(transient):
    program = f"import hoards\n{REUSE}print(hoards.names[0])"
    assert "('Formatter', 'Template')" in plain_and_served(transient, "-c", program, cwd=transient.root).out
