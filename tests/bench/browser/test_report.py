"""The report in headless Chromium: what it shows is what `results.json` says, at every width and in both schemes."""

import itertools
import json
import os
import shutil
import statistics
import subprocess
from pathlib import Path

import jsonschema
import pytest
from playwright.sync_api import sync_playwright

REPOSITORY = Path(__file__).resolve().parents[3]
RESULTS = REPOSITORY / "benchmarks" / "results" / "default.json"
SCHEMA = REPOSITORY / "benchmarks" / "results.schema.json"
PHASES = ("extensions", "rung", "import", "first next", "extensions ready", "invocation")
WIDTHS = {"desktop": 1280, "phone": 360}


@pytest.fixture(scope="session")
def results():
    return json.loads(RESULTS.read_text())


@pytest.fixture(scope="session")
def page_file(tmp_path_factory):
    """The report, made of the results by the command named in GLOWPLUG_BENCH."""
    folder = tmp_path_factory.mktemp("report")
    command = [*os.environ["GLOWPLUG_BENCH"].split(), "report", RESULTS, "--output", folder]
    subprocess.run(command, check=True)
    return folder / "report.html"


@pytest.fixture(scope="session")
def browser():
    with sync_playwright() as playwright:
        # As root, in a container, Chromium's own sandbox cannot be made.
        started = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=["--no-sandbox"])
        yield started
        started.close()


@pytest.fixture(params=[(width, scheme) for width in WIDTHS for scheme in ("light", "dark")], ids="-".join)
def shown(request, browser, page_file):
    """The page, and what the browser complained of."""
    width, scheme = request.param
    context = browser.new_context(viewport={"width": WIDTHS[width], "height": 800}, color_scheme=scheme)
    page = context.new_page()
    page.complaints = []
    page.on("console", lambda message: page.complaints.append(message.text))
    page.on("pageerror", lambda error: page.complaints.append(str(error)))
    page.on("requestfailed", lambda asked: page.complaints.append(asked.url))
    page.requests = []
    page.on("request", lambda asked: page.requests.append(asked.url))
    page.goto(page_file.as_uri())
    yield page
    context.close()


def measured(results):
    """Entries with samples, by function, condition and variant."""
    entries = {(e["function"], e["condition"], e["variant"]): e for e in results["entries"] if not e.get("void")}
    assert entries
    return entries


def samples(entry, measure):
    (found,) = [series["samples"] for series in entry["series"] if series["measure"] == measure]
    return found


def elements(page, selector):
    """Function, condition, variant, value and box of everything that is drawn of a kind."""
    return page.eval_on_selector_all(
        selector,
        """found => found.map(e => {
            const group = e.closest('.group').dataset, box = e.getBoundingClientRect();
            return {key: [group.function, group.condition, e.dataset.variant].join('|'),
                    value: Number(e.dataset.value), width: box.width, left: box.left, right: box.right,
                    middle: (box.left + box.right) / 2};
        })""",
    )


def by_entry(drawn):
    """What is drawn, by function, condition and variant, in the order of the page."""
    found = {}
    for one in drawn:
        found.setdefault(tuple(one["key"].split("|")), []).append(one)
    return found


def test_the_results_are_of_the_documented_form(results):
    jsonschema.validate(results, json.loads(SCHEMA.read_text()))


def test_nothing_is_complained_of_and_nothing_fetched(shown, page_file):
    assert shown.complaints == []
    assert shown.requests == [page_file.as_uri()]


def test_the_page_fits_the_screen(shown):
    width = shown.viewport_size["width"]
    assert shown.evaluate("document.documentElement.scrollWidth") <= width
    for kind in (".bar", ".phase", ".point"):
        for one in elements(shown, kind):
            assert -1 <= one["left"] <= one["right"] <= width + 1, (kind, one)
    sizes = shown.eval_on_selector_all("svg text", "found => found.map(e => parseFloat(getComputedStyle(e).fontSize))")
    assert min(sizes) >= 11


def test_text_can_be_told_from_the_page_in_both_schemes(shown):
    script = "e => [getComputedStyle(e).color, getComputedStyle(document.body).backgroundColor]"
    text, page = (
        [int(part) for part in colour[colour.index("(") + 1 : -1].split(",")[:3]]
        for colour in shown.eval_on_selector("p", script)
    )
    assert abs(sum(text) - sum(page)) > 400


def test_every_bar_is_as_long_as_the_median_of_its_samples(shown, results):
    drawn = by_entry(elements(shown, ".bar"))
    entries = measured(results)
    assert drawn.keys() == entries.keys()
    for (function, condition, _), (bar,) in drawn.items():
        plain = drawn[(function, condition, "plain")][0]
        assert bar["width"] / plain["width"] == pytest.approx(bar["value"] / plain["value"], rel=0.02)
    for key, (bar,) in drawn.items():
        assert bar["value"] == pytest.approx(statistics.median(samples(entries[key], "start")))


def test_every_start_is_a_point_at_its_place(shown, results):
    drawn = by_entry(elements(shown, ".point"))
    for key, entry in measured(results).items():
        assert [point["value"] for point in drawn[key]] == samples(entry, "start")
    for points in drawn.values():
        ordered = sorted(points, key=lambda point: point["value"])
        assert [point["middle"] for point in ordered] == sorted(point["middle"] for point in ordered)


def test_the_phases_are_medians_and_follow_each_other(shown, results):
    drawn = by_entry(elements(shown, ".phase"))
    for key, entry in measured(results).items():
        parts = drawn[key]
        for part, phase in zip(parts, PHASES, strict=True):
            assert part["value"] == pytest.approx(statistics.median(samples(entry, phase)))
        for one, following in itertools.pairwise(parts):
            assert following["left"] == pytest.approx(one["right"], abs=1)


def test_conditions_versions_and_warnings_are_told(shown, results):
    text = shown.inner_text("main")
    for described in (*results["variants"], *results["conditions"]):
        assert described["title"] in text
        assert described.get("not_available", "") in text
    for told in (*results["warnings"], results["versions"]["python"], results["machine"]["kernel"]):
        assert told in text
