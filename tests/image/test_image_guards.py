"""What does not fit an image is seen before it is used: the code archive is, and one line says why."""

import json
import os
import resource
import shutil
import sys

import images
import pytest
from image_section import MAPPINGS, ImageFile


def test_an_image_that_fits_is_used(small):
    said = json.loads(small.restored(variables={"SHAPE": "round"}).out)
    assert (said["rung"], said["colour"], said["shape"], said["reason"]) == ("image", "none", "round", None)
    assert said["archive"] == str(small.archive)
    assert 0 < said["milliseconds"] < 1000


def test_the_status_says_why_an_image_is_not_used(falls_back):
    assert "COLOUR" in falls_back("COLOUR", variables={"COLOUR": "red"})["image"]


def test_glowplug_run_restores_too(small):
    done = images.run(
        [images.COMMAND, "run", "--archive", small.archive, "--", *small.program], small.folder, small.variables
    )
    assert json.loads(done.silently().out)["rung"] == "image"


@pytest.mark.parametrize(("mode", "rung"), [("auto", "image"), ("code", "code"), ("off", "plain"), ("plain", "plain")])
def test_the_mode_says_what_may_be_used(small, mode, rung):
    assert json.loads(small.restored(variables={"GLOWPLUG_MODE": mode}).out)["rung"] == rung


# The environment.


def test_a_variable_that_init_read_and_is_set_now(falls_back):
    said = falls_back("environment variable, which was read, has changed: COLOUR", variables={"COLOUR": "red"})
    assert said["colour"] == "red"


def test_a_variable_that_init_read_and_that_changed(workshop, falls_back):
    blue = workshop.take("small-blue", "small.py", options=("--env", "COLOUR=blue"), variables={"COLOUR": "blue"})
    assert json.loads(blue.restored().out)["colour"] == "blue"
    for other in ("red", "", "blues", None):
        falls_back("has changed: COLOUR", image=blue, variables={"COLOUR": other})


def test_a_variable_that_c_code_reads(falls_back):
    falls_back("has changed: TZ", variables={"TZ": "Asia/Tokyo"})
    falls_back("has changed: LANG", variables={"LANG": None})


def test_a_variable_that_init_did_not_read(small):
    said = json.loads(small.restored(variables={"SHAPE": "square", "AWS_ACCESS_KEY_ID": "AKID", "FLAVOUR": "x"}).out)
    assert (said["rung"], said["shape"]) == ("image", "square")


# The command and its folder.


def test_another_folder(falls_back, small):
    falls_back(f"it was taken in another folder: {small.folder}", folder=small.folder / "programs")


def test_another_command(small):
    for arguments in (("more",), ("",), ("more", "and more")):
        done = small.start(*arguments).succeeded()
        assert json.loads(done.out)["rung"] == "code"
        assert "it is of another command;" in done.lines[0]


def test_other_options_of_the_interpreter(small):
    python, program = small.program
    done = images.run(
        [small.wrapper, python, "-B", program], small.folder, {**small.variables, "GLOWPLUG_ARCHIVE": small.archive}
    ).succeeded()
    assert json.loads(done.out)["rung"] == "code"
    assert "it is of another command;" in done.lines[0]


def test_another_interpreter_of_the_same_build(small):
    other = small.folder / "bin" / "python3"
    other.parent.mkdir(exist_ok=True)
    if not other.exists():
        other.symlink_to(sys.executable)
    done = small.start(program=(other, small.program[1]))
    assert f"it is of another interpreter: {small.program[0]};" in done.lines[0]


# Files.


def test_changed_code(workshop, falls_back):
    shutil.copy2(workshop.programs / "small.py", workshop.programs / "changing.py")
    image = workshop.take("changing")
    assert json.loads(image.restored().out)["colour"] == "none"
    file = workshop.programs / "changing.py"
    file.write_text(file.read_text().replace('"none"', '"gone"'))
    assert falls_back(f"this file has changed: {file}", image=image)["colour"] == "gone"
    file.write_text(file.read_text().replace('"gone"', '"none"'))
    assert json.loads(image.restored().out)["rung"] == "image"
    code = file.read_text()
    file.unlink()
    done = image.start()
    assert f"this file cannot be read: {file};" in done.lines[0]
    file.write_text(code)


def test_another_build_of_the_interpreter_or_of_the_c_library(small_file, damaged, falls_back):
    names = [path.rpartition("/")[2] for path in small_file.build_ids]
    assert any("python3" in name for name in names)
    assert any(name.startswith("libc") for name in names)
    assert any(name.startswith("ld-") for name in names)
    for path, place in small_file.build_ids.items():
        file = ImageFile.__new__(ImageFile)
        file.__dict__.update(small_file.__dict__, bytes=bytearray(small_file.bytes))
        file.flip(place).seal().write(damaged)
        falls_back(f"this file has changed: {path}", archive=damaged)


# Limits.


def limit(kind, amount):
    return lambda: resource.setrlimit(kind, (amount, amount))


def test_a_clock_that_is_behind_what_a_library_counts_on(small, small_file, damaged, falls_back):
    assert small_file.get("earliest") == 0
    small_file.set("earliest", 1 << 62).seal().write(damaged)
    falls_back("this machine has been up for less long than the one it was taken on", archive=damaged)
    small_file.set("earliest", 1).seal().write(damaged)
    assert '"rung": "image"' in small.start(archive=damaged).succeeded().out


def test_a_lower_limit_of_the_stack(falls_back):
    falls_back("the stack's limit (RLIMIT_STACK) is lower", preexec_fn=limit(resource.RLIMIT_STACK, 4 << 20))


def test_a_lower_limit_of_memory(small, small_file, falls_back):
    # A plain process needs less than the image and its margin together.
    needed = small_file.get("memory_size") + (32 << 20)
    falls_back("the limit of memory (RLIMIT_AS) is lower", preexec_fn=limit(resource.RLIMIT_AS, needed - 4096))
    done = small.restored(preexec_fn=limit(resource.RLIMIT_AS, needed))
    assert json.loads(done.out)["rung"] == "image"


def test_an_open_descriptor_in_the_way(small, falls_back):
    number = json.loads(small.restored().out)["poll"]
    reason = "a descriptor number that it needs is in use here"
    falls_back(reason, prefix=("/bin/sh", "-c", f'exec "$@" {number}</dev/null', "sh"))


@images.needs_root
def test_a_mount_that_is_noexec(small, workshop, falls_back):
    folder = workshop.folder / "noexec"
    folder.mkdir()
    script = f'mount -t tmpfs -o noexec none {folder} && cp {small.archive} {folder}/small.glow && exec "$@"'
    falls_back(
        "not permitted here (a file system mounted noexec?)",
        archive=folder / "small.glow",
        prefix=("unshare", "--mount", "/bin/sh", "-c", script, "sh"),
    )


@pytest.mark.skipif(shutil.which("setarch") is None, reason="needs setarch")
def test_an_address_that_is_always_taken(small_file, damaged, falls_back):
    # Without random addresses the stack ends here (4-level page tables); so an image of it never fits.
    top = {"x86_64": 0x7FFFFFFFF000, "aarch64": 1 << 48}[os.uname().machine]
    bases = [row for row in small_file.rows(MAPPINGS) if not row[1][5]]
    place, (_, length, *rest) = bases[-1]
    MAPPINGS[1].pack_into(small_file.bytes, place, top - length, length, *rest)
    small_file.seal().write(damaged)
    falls_back("an address of the image is taken", archive=damaged, prefix=("setarch", "--addr-no-randomize"))


def test_addresses_do_not_depend_on_random_ones(small):
    assert json.loads(small.restored(prefix=("setarch", "--addr-no-randomize")).out)["rung"] == "image"
