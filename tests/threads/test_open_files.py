"""Open files that threads wait for, and duplicates: they come back at their numbers, as they were."""

import json


def test_descriptors_come_back_with_their_state_and_threads_go_on_waiting(workshop):
    image = workshop["descriptors"]
    plain = json.loads(image.start(variables={"GLOWPLUG_MODE": "off"}).silently().out)
    restored = json.loads(image.restored().out)
    assert (plain.pop("rung"), restored.pop("rung")) == ("plain", "image")
    assert restored == plain
    assert (restored["kept"], restored["counted"], restored["missing"]) == ("abcd", 3, [])
    assert restored["shared"] == [True, True, False]
