"""The dumper's functions: there when the `glowplug` command runs this. What needs them has another way without."""

try:
    import _glowplug_dumper as dumper
except ImportError:
    dumper = None
