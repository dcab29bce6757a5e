"""The handler is invoked before the image is taken: with each event, as often as asked for."""

import json
import shutil
import sys

import images
import pytest


@pytest.mark.parametrize(
    ("options", "primed"),
    [
        ((), ["first", "second"] * 3),
        (("--prime-rounds", "1"), ["first", "second"]),
        (("--prime-rounds", "5"), ["first", "second"] * 5),
        (("--no-prime",), []),
    ],
)
def test_the_handler_is_invoked_with_the_events_in_rounds(options, primed, workshop, tmp_path):
    shutil.copy2(workshop.programs / "counts.py", tmp_path)
    for name in ("first", "second", "third"):
        (tmp_path / f"{name}.json").write_text(json.dumps({"name": name}))
    target = ("counts.handler", "--root", tmp_path, "--python", images.PYTHON)
    events = ("--event", tmp_path / "first.json", "--event", tmp_path / "second.json")
    command = [images.COMMAND, "snapshot", *target, *events, "--image", *options, "-o", tmp_path / "archives"]
    taken = images.run(command, tmp_path, workshop.variables).succeeded()
    # The replay's answers are not a plain start's, which the summary says.
    assert ("answers the events as a plain start does" in taken.out) == (primed == [])
    (archive,) = (tmp_path / "archives").glob("*.glow")
    command = [images.COMMAND, "layer", "--archive", archive, "--dir", tmp_path / "layer"]
    images.run(command, tmp_path, workshop.variables).succeeded()
    third = ("--event", tmp_path / "third.json", "--layer", tmp_path / "layer", "--json")
    command = [images.COMMAND, "invoke", *target, *third]
    outcome = json.loads(images.run(command, tmp_path, workshop.variables).succeeded().out)["outcome"]
    (invocation,) = outcome["invocations"]
    assert invocation["response"] == [*primed, "third"]


@pytest.fixture(scope="module")
def keeps(workshop, tmp_path_factory):
    """Invokes a function that keeps things, from an image; what the sandbox says."""
    folder = tmp_path_factory.mktemp("keeps")
    shutil.copy2(workshop.programs / "keeps.py", folder)
    for name, event in {"first": {"name": "first"}, "second": {"name": "second"}, "exit": {"exit": 1}}.items():
        (folder / f"{name}.json").write_text(json.dumps(event))
    target = ("keeps.handler", "--root", folder, "--python", images.PYTHON)
    command = [
        images.COMMAND,
        "snapshot",
        *target,
        "--event",
        folder / "first.json",
        "--image",
        "-o",
        folder / "archives",
    ]
    images.run(command, folder, workshop.variables).succeeded()
    (archive,) = (folder / "archives").glob("*.glow")
    command = [images.COMMAND, "layer", "--archive", archive, "--dir", folder / "layer"]
    images.run(command, folder, workshop.variables).succeeded()

    def invoke(*names):
        events = [part for name in names for part in ("--event", folder / f"{name}.json")]
        command = [images.COMMAND, "invoke", *target, *events, "--layer", folder / "layer", "--json"]
        return images.run(command, folder, workshop.variables)

    return invoke


def test_what_an_event_leaves_dies_with_the_next_one(keeps):
    """What was there before an event and after it is immortal (Python 3.12 and later); what an event made is not."""
    outcome = json.loads(keeps("second", "first", "second").succeeded().out)["outcome"]
    answers = [invocation["response"] for invocation in outcome["invocations"]]
    assert [answer["before"] for answer in answers] == ["first", "second", "first"]
    assert [answer["died"] for answer in answers[1:]] == [True, True]
    immortal = sys.version_info >= (3, 12)
    assert [answer["immortal"] for answer in answers] == [[immortal, immortal, False]] * 3


def test_a_function_that_exits_writes_out_its_files(keeps):
    assert "left in the buffer" in keeps("exit").out


@pytest.mark.parametrize(
    ("options", "words"),
    [(("--prime-rounds", "0"), "0 is not in 1..=100"), (("--prime-rounds", "2", "--no-prime"), "cannot be used with")],
)
def test_rounds_that_make_no_sense_are_refused(options, words, workshop, tmp_path):
    command = [images.COMMAND, "snapshot", "counts.handler", "--root", workshop.programs, "--image", *options]
    done = images.run([*command, "-o", tmp_path], tmp_path, workshop.variables)
    assert done.status == 2
    assert words in done.err
