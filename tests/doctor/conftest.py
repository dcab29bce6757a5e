"""Running functions under the doctor's script with the Python under test."""

import json

import pytest
from examined import SCRIPTS, Examined
from processes import PYTHON, run


@pytest.fixture
def examine(tmp_path):
    """Examines a function given by its source, with further files beside it and variables of its environment.

    `prefix` is a command that runs the script's.
    """

    def examine_source(source, *events, files=None, prefix=(), **variables):
        root = tmp_path / "function"
        root.mkdir(exist_ok=True)
        for name, text in {"app.py": source, **(files or {})}.items():
            file = root / name
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(text, encoding="utf-8")
        spec = {
            "root": str(root), "argv": ["-c"], "imports": [], "handler": ["app", "handler"] if events else None,
            "events": [{"name": "event", "content": event} for event in events], "name": "app",
        }  # fmt: skip
        if not events:
            spec["imports"] = ["app"]
        (tmp_path / "spec.json").write_text(json.dumps(spec))
        out = tmp_path / "out.json"
        done = run(*prefix, PYTHON, SCRIPTS / "doctor.py", tmp_path / "spec.json", out, cwd=root, **variables)
        done.succeeded()
        # What glowplug itself says would be a failure of the watching.
        assert done.lines == []
        examined = Examined(json.loads(out.read_text(encoding="utf-8")), root)
        examined.printed = done.out
        return examined

    return examine_source


@pytest.fixture
def watched(write):
    """Runs a program that has the parts of `glowplug_image` as names; what it prints as JSON."""

    def run_program(text, **variables):
        begin = f"import sys; sys.path.insert(0, {str(SCRIPTS)!r}); sys.dont_write_bytecode = True\n"
        program = write("program.py", begin + text)
        return json.loads(run(PYTHON, program, cwd=program.parent, **variables).silently().out)

    return run_program
