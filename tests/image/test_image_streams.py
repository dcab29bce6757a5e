"""Standard streams are what they would be in a plain start."""

import json
import os
import pty

import pytest


@pytest.fixture(scope="module")
def image(workshop):
    return workshop["streams"]


def seen(image, **options):
    """What the start from the image said, after making sure that a plain one says so too."""
    found = {}
    for mode, rung in (("auto", "image"), ("off", "plain")):
        done = image.start(variables={"GLOWPLUG_MODE": mode}, **options).succeeded()
        *_, last = (done.err or done.out).splitlines()
        found[mode] = (done.out, json.loads(last))
        assert found[mode][1].pop("rung") == rung
    assert found["auto"] == found["off"]
    return found["auto"]


def test_pipes(image):
    out, streams = seen(image)
    assert out == "a line\n"
    assert streams == {"stdin": [False, False], "stdout": [False, False], "stderr": [False, True]}


@pytest.mark.parametrize(("closing", "name"), [("<&-", "stdin"), (">&-", "stdout")])
def test_closed(closing, name, image):
    _, streams = seen(image, prefix=("/bin/sh", "-c", f'exec "$@" {closing}', "sh"))
    assert streams[name] is None


def test_stderr_that_is_closed(image):
    prefix = ("/bin/sh", "-c", 'exec "$@" 2>&-', "sh")
    for mode in ("auto", "off"):
        variables = {"GLOWPLUG_MODE": mode, "SAY_TO": "1"}
        said = json.loads(image.start(prefix=prefix, variables=variables).succeeded().out.splitlines()[0])
        assert said["stderr"] is None


def test_a_terminal(image):
    """Lines come at once: before what is written past the stream."""
    for mode in ("auto", "off"):
        ours, theirs = pty.openpty()
        variables = {"GLOWPLUG_MODE": mode, "SAY_TO": "1"}
        redirected = ("/bin/sh", "-c", f'exec "$@" >/proc/self/fd/{theirs}', "sh")
        image.start(prefix=redirected, variables=variables, pass_fds=(theirs,)).succeeded()
        os.close(theirs)
        written = os.read(ours, 1 << 16).decode().splitlines()
        os.close(ours)
        assert written[0] == "a line"
        assert json.loads(written[1])["stdout"] == [True, True]
