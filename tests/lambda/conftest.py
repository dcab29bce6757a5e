"""Layers and the local Lambda sandbox."""

import json
import shutil
from pathlib import Path

import pytest
import snapshots
from processes import PYTHON, glowplug

BLANK = {"invocations": [], "init_error": None, "trouble": None, "runtime_exit": None}


class Outcome:
    """What `glowplug invoke --json` said."""

    def __init__(self, status, said):
        self.status = status
        self.isolated = said["isolated"]
        self.evicted = said["evicted"]
        self.memory = said["memory"]
        self.timeline = said["outcome"].pop("timeline")
        self.log = said["outcome"].pop("log")
        self.extension_log = said["outcome"].pop("extension_log")
        self.said = said["outcome"]

    @property
    def response(self):
        """What the handler returned to the only event, after making sure that all went well."""
        assert (self.status, self.said["trouble"], self.said["init_error"]) == (0, None, None), (self.said, self.log)
        (invocation,) = self.said["invocations"]
        return invocation["response"]

    def at(self, what):
        """Milliseconds from the start to something that happened once."""
        (found,) = [moment["at"] for moment in self.timeline if moment["what"] == what]
        return found


class Functions:
    """The functions of `functions/lambda`, their archives and layers, each made when first asked for."""

    def __init__(self, folder):
        self.folder = folder
        self.root = snapshots.copy_of("lambda", folder / "function")
        self.archives, self.layers = {}, {}

    def archive(self, handler, *events):
        """The archive of one of the functions."""
        if handler not in self.archives:
            options = [option for event in events for option in ("--event", event)]
            folder = self.folder / "archives" / handler
            self.archives[handler] = snapshots.snapshot(folder, handler, *options, root=self.root)
        return self.archives[handler]

    def whole_layer(self, handler, *events):
        """A layer's directory with the archive of that function."""
        if handler not in self.layers:
            folder = self.folder / "layers" / handler
            glowplug("layer", "--archive", self.archive(handler, *events), "--dir", folder).succeeded()
            self.layers[handler] = folder
        return self.layers[handler]

    def layer(self, handler, *events):
        """The same without the extension, for tests of what the wrapper and the loader do."""
        folder = self.folder / "layers-without-extension" / handler
        if not folder.exists():
            shutil.copytree(self.whole_layer(handler, *events), folder, ignore=lambda *_: {"extensions"})
        return folder

    def invoke(self, handler, *events, layer=None, options=(), **variables):
        """One start of a function in the sandbox."""
        for event in events:
            options = [*options, "--event", event]
        for name, value in variables.items():
            options = [*options, "--env", f"{name}={value}"]
        where = ["--layer", layer] if layer else ["--no-layer"]
        done = glowplug("invoke", handler, "--root", self.root, "--python", PYTHON, "--json", *where, *options)
        assert done.status in (0, 3), done.err
        return Outcome(done.status, json.loads(done.out))


@pytest.fixture(scope="session")
def functions(tmp_path_factory):
    """The functions of these tests."""
    return Functions(tmp_path_factory.mktemp("lambda"))


@pytest.fixture(scope="session")
def layer(functions):
    """A layer with the archive of a function that imports little."""
    return functions.layer("surroundings.handler")


@pytest.fixture
def layer_copy(layer, tmp_path):
    """A copy of that layer, to be damaged."""
    return Path(shutil.copytree(layer, tmp_path / "opt"))
