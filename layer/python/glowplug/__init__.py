"""Start Python functions from a Glowplug archive.

``GLOWPLUG_ARCHIVE=F python ANYTHING`` needs none of this: the ``.pth`` file of the wheel activates
the archive. A program that wants to do it by itself calls :func:`activate` before its imports::

    import glowplug

    glowplug.activate("/opt/glowplug/app.cpython-312-x86_64-linux-gnu.0123456789abcdef.glow")
    import boto3

    print(glowplug.status()["rung"])
"""

from _glowplug import activate, status

__all__ = ["activate", "status"]
