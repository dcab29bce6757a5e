"""The function's Makefile, which every recipe but the container's builds with."""

import os
import shutil
import zipfile

from workshop import RECIPES, starts_from_its_archive

LAYER = {"extensions/glowplug", "glowplug/exec", "glowplug/start.py", "python/_glowplug.abi3.so"}


def unpack(file, folder):
    """Unpacks a zip file as Lambda does: modes are kept. Every time becomes the one that SAM writes."""
    with zipfile.ZipFile(file) as zipped:
        for entry in zipped.infolist():
            path = zipped.extract(entry, folder)
            if not entry.is_dir():
                os.chmod(path, entry.external_attr >> 16)  # noqa: PTH101
            os.utime(path, (315532800, 315532800))
    return folder


def test_the_zips_hold_the_function_with_its_archive_and_the_layer(package):
    function = set(zipfile.ZipFile(package / "function.zip").namelist())
    assert {"app.py", "aws_lambda_powertools/__init__.py"} <= function
    assert len([name for name in function if name.endswith(".glow")]) == 1
    # The tool stays where the function is built.
    assert not [name for name in function if "glowplug" in name]
    layer = set(zipfile.ZipFile(package / "layer.zip").namelist())
    assert layer >= LAYER
    assert not [name for name in layer if name.endswith(".glow")]


def test_the_unpacked_zips_start_from_the_archive(workshop, package, tmp_path):
    function = unpack(package / "function.zip", tmp_path / "function")
    layer = unpack(package / "layer.zip", tmp_path / "layer")
    starts_from_its_archive(workshop, function, layer)


def test_the_archive_may_lie_in_the_layer(workshop, package, tmp_path):
    function = unpack(package / "function.zip", tmp_path / "function")
    (archive,) = function.glob("*.glow")
    archive.rename(tmp_path / archive.name)
    workshop.glowplug("layer", "--archive", tmp_path / archive.name, "--dir", tmp_path / "layer").silently()
    response, log = workshop.invoke(function, tmp_path / "layer")
    assert response == {"total": "3.50"}
    assert f"/glowplug/{archive.name} is active" in log


def test_without_the_wheel_it_says_so(workshop, tmp_path):
    shutil.copytree(RECIPES / "function", tmp_path / "function")
    done = workshop.run("make", "package", cwd=tmp_path / "function", TMPDIR=tmp_path)
    assert done.status != 0
    assert "put the wheel of Glowplug into" in done.err
