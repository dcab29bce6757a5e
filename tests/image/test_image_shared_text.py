"""`--shared-text`: what installed files have unchanged is mapped from them."""

import json
import re


def test_the_image_is_smaller_and_works(workshop, small):
    shared = workshop.take("shared", "small.py", options=("--shared-text",))
    said = json.loads(shared.restored().out)
    assert said["rung"] == "image"
    assert re.search(r"and [\d.]+ MB mapped from installed files", shared.summary)
    assert shared.archive.stat().st_size < 0.8 * small.archive.stat().st_size


def test_an_image_without_it_is_whole(small):
    assert "mapped from installed files" not in small.summary
