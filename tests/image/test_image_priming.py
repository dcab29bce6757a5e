"""The handler is invoked before the image is taken: with each event, as often as asked for."""

import json
import shutil

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


@pytest.mark.parametrize(
    ("options", "words"),
    [(("--prime-rounds", "0"), "0 is not in 1..=100"), (("--prime-rounds", "2", "--no-prime"), "cannot be used with")],
)
def test_rounds_that_make_no_sense_are_refused(options, words, workshop, tmp_path):
    command = [images.COMMAND, "snapshot", "counts.handler", "--root", workshop.programs, "--image", *options]
    done = images.run([*command, "-o", tmp_path], tmp_path, workshop.variables)
    assert done.status == 2
    assert words in done.err
