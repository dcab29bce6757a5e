"""Where the page cache is cold, what a start touches comes from the image's pack, in one piece."""

import json
import shutil

import images
import page_cache
import pytest
from image_section import ImageFile
from processes import glowplug


@pytest.fixture(scope="module")
def mapped(workshop):
    return workshop.take("mapped", "mapped.py")


def start(image):
    return json.loads(image.restored().out)


def test_a_cold_start_takes_what_it_touches_from_the_pack(mapped):
    page_cache.evict(mapped.archive)
    cold = start(mapped)
    mapped.archive.read_bytes()
    warm = start(mapped)
    assert warm["nothing"] == 1  # the vDSO's copy
    assert cold["nothing"] > 10
    assert cold["archive"] > warm["archive"]


def test_until_the_first_work_is_done_a_cold_start_reads_nothing_around_what_it_touches(mapped):
    page_cache.evict(mapped.archive)
    cold = start(mapped)
    mapped.archive.read_bytes()
    warm = start(mapped)
    assert warm["read_alone_at_first"] <= 1  # the image's tables
    assert cold["read_alone_at_first"] > 10
    assert cold["read_alone"] == warm["read_alone"] <= 1


def test_behind_a_cold_start_nothing_is_read_around_until_a_tenth_event_is_answered(workshop, tmp_path):
    shutil.copy2(workshop.programs / "reads_alone.py", tmp_path)
    (tmp_path / "event.json").write_text("{}")
    events = ("--event", tmp_path / "event.json") * 12
    target = ("reads_alone.handler", "--root", tmp_path, "--python", images.PYTHON)
    layer = workshop.function_layer(tmp_path, target, *events[:2])

    def alone(*options):
        command = [images.COMMAND, "invoke", *target, *events, "--layer", layer, "--json", *options]
        said = json.loads(images.run(command, tmp_path, workshop.variables).succeeded().out)
        return [invocation["response"] for invocation in said["outcome"]["invocations"]]

    cold = alone("--cold")
    (copy,) = layer.rglob("*.glow")
    copy.read_bytes()
    warm = alone()
    assert all(areas <= 1 for areas in warm)  # the image's tables
    assert all(areas > 10 for areas in cold[:10])
    assert all(areas <= 1 for areas in cold[10:])


def test_the_pack_is_a_part_of_what_is_mapped(mapped):
    file = ImageFile(mapped.archive)
    assert file.get("metadata_length") <= file.get("pack_offset")
    assert 0 < file.get("pack_length") < (file.length - file.get("data_offset")) / 4
    assert file.get("pack_offset") + file.get("pack_length") <= file.get("data_offset")


def test_an_image_without_a_pack_is_smaller_and_starts_from_a_cold_page_cache_too(workshop, mapped):
    image = workshop.take("without", "mapped.py", options=["--no-pack"])
    file, other = ImageFile(image.archive), ImageFile(mapped.archive)
    assert file.get("pack_length") == 0
    assert len(other.bytes) - len(file.bytes) > other.get("pack_length") / 2
    page_cache.evict(image.archive)
    assert start(image)["nothing"] == 1


def test_a_flipped_bit_in_the_pack(small, damaged, falls_back):
    file = ImageFile(small.archive)
    for place in (0, file.get("pack_length") // 2, file.get("pack_length") - 1):
        copy = ImageFile(small.archive)
        copy.flip(file.start + file.get("pack_offset") + place).write(damaged)
        page_cache.evict(damaged)
        falls_back("the image's pack is damaged", archive=damaged)
        # Who finds everything in the page cache does not read it.
        damaged.read_bytes()
        assert '"rung": "image"' in small.start(archive=damaged).succeeded().out


@images.needs_root
def test_where_there_can_be_no_second_thread_one_unpacks_all(mapped):
    mapped.archive.chmod(0o644)
    # A user of whom there is no other process.
    alone = ("prlimit", "--nproc=1", "setpriv", "--reuid=65431", "--regid=65431", "--clear-groups")
    page_cache.evict(mapped.archive)
    cold = json.loads(mapped.restored(prefix=alone).out)
    assert (cold["rung"], cold["nothing"] > 10) == ("image", True)


def test_no_trace_is_left_of_the_thread_that_helps_to_unpack(mapped):
    for _ in range(20):
        page_cache.evict(mapped.archive)
        cold = start(mapped)
        assert (cold["nothing"] > 10, cold["threads"]) == (True, 1)


def test_the_plan_has_what_a_restore_looks_at_before_the_pack(mapped):
    plan = json.loads(glowplug("inspect", "--json", mapped.archive).succeeded().out)["plan"]
    file = ImageFile(mapped.archive)
    own = [entry["offset"] for entry in plan if entry["base"] == "archive"]
    assert own == [0, file.start, file.start + file.get("pack_offset")]
    assert plan[-1]["offset"] == own[-1]
    assert plan[2]["path"].endswith("glowplug/exec")
