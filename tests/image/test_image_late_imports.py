"""What is imported after a restore comes from the code archive."""

import json
import shutil

import images
import pytest


@pytest.fixture(scope="module")
def late(workshop):
    """Starts a function that imports when it is invoked, which its image has not seen. Says what it answered."""
    folder = workshop.folder / "late"
    folder.mkdir()
    for name in ("late_function", "neighbour"):
        shutil.copy2(workshop.programs / f"{name}.py", folder)
    (folder / "event.json").write_text("{}")
    target = ("late_function.handler", "--root", folder, "--python", images.PYTHON, "--event", folder / "event.json")
    layer = workshop.function_layer(folder, target, "--no-prime")

    def invoke(*options):
        command = [images.COMMAND, "invoke", *target, "--json", *options]
        outcome = json.loads(images.run(command, folder, workshop.variables).succeeded().out)["outcome"]
        (invocation,) = outcome["invocations"]
        return invocation["response"], json.dumps(outcome["log"])

    invoke.layer = layer
    return invoke


def test_late_imports_come_from_the_code_archive(late):
    said, log = late("--layer", late.layer)
    plain, _ = late("--no-layer")
    status = said["status"]
    assert status["rung"] == "image", log
    assert said["answer"] == plain["answer"] == 42
    assert said["files"] == plain["files"]
    assert set(said["loaders"].values()) == {"glowplug"}
    assert status["late"]["rung"] == "code"
    assert status["late"]["modules"] >= len(said["loaders"])
    assert status["late"]["fallbacks"] == []


def test_without_the_loader_late_imports_are_plain(late):
    loader = late.layer / "python" / "_glowplug.abi3.so"
    hidden = loader.rename(late.layer / "hidden")
    said, log = late("--layer", late.layer)
    hidden.rename(loader)
    assert (said["status"]["rung"], said["answer"], said["status"]["late"]) == ("image", 42, None)
    assert set(said["loaders"].values()) == {"_frozen_importlib_external"}
    assert "later imports are plain" in log


@pytest.fixture(scope="module")
def tools(workshop):
    """Images of a program that imports behind its snapshot point: taken with these further options."""

    def take(name, *options, ends=""):
        return workshop.take(name, "late_tool.py", ends, options=options)

    return take


def test_what_a_program_imports_beyond_its_snapshot_point_is_served_with_run_on(tools):
    image = tools("late-recorded", "--run-on", "60")
    said = json.loads(image.restored().out)
    assert said["status"]["rung"] == "image"
    assert set(said["loaders"].values()) == {"glowplug"}
    assert said["status"]["late"]["fallbacks"] == []


def test_a_program_is_not_run_beyond_its_snapshot_point_unasked(tools):
    image = tools("late-unrecorded")
    said = json.loads(image.restored().out)
    assert said["status"]["rung"] == "image"
    assert set(said["loaders"].values()) == {"_frozen_importlib_external"}


def test_a_module_that_is_named_is_served_too(tools):
    image = tools("late-named", "--import", "plistlib")
    loaders = json.loads(image.restored().out)["loaders"]
    assert (loaders["plistlib"], loaders["wave"]) == ("glowplug", "_frozen_importlib_external")


@pytest.mark.parametrize(
    ("ends", "words"),
    [
        ("exit", None),
        ("fail", "beyond its snapshot point the program ended with KeyError: 'no such order'"),
        ("serve", None),
        ("stubborn", None),
    ],
)
def test_what_was_imported_is_known_however_the_program_ends(ends, words, tools):
    image = tools(f"late-{ends}", "--run-on", "2", ends=ends)
    assert ("beyond its snapshot point" in image.summary) == (words is not None)
    assert words is None or words in image.summary
    said = json.loads(image.restored().out)
    assert set(said["loaders"].values()) == {"glowplug"}


def test_what_was_looked_for_in_vain_does_not_bring_the_loader(workshop):
    said = json.loads(workshop.take("optional", "optional_tool.py").restored().out)
    assert said == {"said": [None, None, None], "rung": "image", "late": "code"}
