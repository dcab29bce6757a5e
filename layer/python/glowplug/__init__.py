"""Start Python functions from a Glowplug archive.

``GLOWPLUG_ARCHIVE=F python ANYTHING`` needs none of this: the ``.pth`` file of the wheel activates
the archive. A program that wants to do it by itself calls :func:`activate` before its imports::

    import glowplug

    glowplug.activate("/opt/glowplug/app.cpython-312-x86_64-linux-gnu.0123456789abcdef.glow")
    import boto3

    print(glowplug.status()["rung"])

A program that is to be restored from a process image says where the image is taken, and what has to
happen before and after::

    @glowplug.after_restore
    def connect(): ...

    glowplug.snapshot_point()
"""

from glowplug.hooks import after_restore, before_snapshot
from glowplug.point import snapshot_point

__all__ = ["activate", "after_restore", "before_snapshot", "snapshot_point", "status"]


def activate(archive=None, *, root=None):
    """Serves imports from an archive, or from the fitting one of a folder; without it the environment says where.

    `root` is where the function's directory is now, if it has moved. Returns whether an archive is active. What is
    wrong is one line on stderr and stands in `status()`; with `GLOWPLUG_STRICT=1` it is an `ImportError`.
    """
    import _glowplug

    return _glowplug.activate(archive, root=root)


def status():
    """What this start used and why, as a dictionary.

    `rung` is `image`, `code` or `plain`; `archive` its path; `reason` why it is not a better one. From an image:
    `milliseconds` from the wrapper's first step until the process went on, `late` the status of the code archive,
    from which later imports are served, once there was one. Else: `modules` served so far and more of the loader's
    counts, and `image`, why the process image of the archive was not used.
    """
    from glowplug import point

    if point.restored is not None:
        return point.restored.status()
    import _glowplug

    return {**_glowplug.status(), "image": getattr(_glowplug, "image_refused", None)}
