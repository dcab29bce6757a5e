"""Hatchling's hook that gives the wheel its tag: one binary for every CPython from 3.10 on, for one platform."""

import os

from hatchling.builders.hooks.plugin.interface import BuildHookInterface


class WheelTag(BuildHookInterface):
    """Sets what hatchling cannot know: the binaries were made before it ran."""

    def initialize(self, version, build_data):
        build_data["pure_python"] = False
        build_data["tag"] = f"cp310-abi3-{os.environ['GLOWPLUG_PLATFORM_TAG']}"
