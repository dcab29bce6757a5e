"""What many restores of one image draw."""

import json


def drawn(image, restores, *, same_pid=False):
    """Values by source, two of each restore, after making sure that all came from the image."""
    prefix = ("unshare", "--pid", "--fork") if same_pid else ()
    values, pids = {}, set()
    for _ in range(restores):
        said = json.loads(image.restored(prefix=prefix).out)
        assert said["rung"] == "image"
        pids.add(said["pid"])
        for draw in said["draws"]:
            for source, value in draw.items():
                values.setdefault(source, []).append(value)
    assert (len(pids) == 1) == same_pid
    return values


def repeated(values):
    """Sources that gave a value more than once, and how many of their values were such."""
    return {source: len(found) - len(set(found)) for source, found in values.items() if len(set(found)) < len(found)}
