"""What init took from the environment, from files and from chance."""

import pytest
from examined import line_of

pytestmark = pytest.mark.no_wheel


def names(found, kind="environment"):
    return {obstacle["name"] for obstacle in found.of_kind(kind)}


def test_variables_that_are_read_are_named_with_the_line(examine):
    source = """
import os
a = os.environ["FIRST"]
b = os.environ.get("SECOND")
c = os.getenv("THIRD", "x")
d = "FOURTH" in os.environ
e = os.environb.get(b"FIFTH")
"""
    found = examine(source, FIRST="1", THIRD="3")
    lines = {obstacle["name"]: obstacle["line"] for obstacle in found.of_kind("environment")}
    expected = {"FIRST": '"FIRST"', "SECOND": '"SECOND"', "THIRD": '"THIRD"', "FOURTH": '"FOURTH"', "FIFTH": 'b"FIFTH"'}
    assert lines.items() >= {name: line_of(source, part) for name, part in expected.items()}.items()
    assert found.fatal == []


@pytest.mark.parametrize(
    "whole",
    ["dict(os.environ)", "os.environ.copy()", "list(os.environ.items())", "{**os.environ}", "os.environ | {}",
     "list(os.environ.values())", "[name for name in os.environ]", "os.environb.copy()"],
)  # fmt: skip
def test_reading_everything_is_reported_once_and_names_nothing(examine, whole):
    found = examine(f"import os\n\neverything = {whole}\n", ORCHARD="1")
    assert found.only("environment-whole")["line"] == 3
    assert "ORCHARD" not in names(found)
    assert "ORCHARD" not in found.environment


def test_a_variable_read_after_everything_is_named(examine):
    source = "import os\n\ndef two():\n    dict(os.environ)\n    return os.environ.get('ORCHARD')\n\ntwo()\n"
    assert "ORCHARD" in names(examine(source, ORCHARD="1"))


def test_what_the_function_sets_itself_is_not_read_from_outside(examine):
    source = """
import os
os.environ["SET"] = "1"
os.environ["SET"]
os.environ.setdefault("DEFAULT", "2")
os.environ.pop("POPPED", None)
os.environ.get("POPPED")
"""
    found = names(examine(source, SET="0", POPPED="3"))
    assert "SET" not in found
    assert {"DEFAULT", "POPPED"} <= found


def test_what_differs_from_sandbox_to_sandbox_is_not_recorded(examine):
    source = """
import os
for name in "AWS_LAMBDA_LOG_STREAM_NAME", "_X_AMZN_TRACE_ID", "LAMBDA_TASK_ROOT":
    os.environ.get(name)
"""
    found = examine(source, AWS_LAMBDA_LOG_STREAM_NAME="x")
    assert "AWS_LAMBDA_LOG_STREAM_NAME" in names(found)
    assert not {"AWS_LAMBDA_LOG_STREAM_NAME", "_X_AMZN_TRACE_ID", "LAMBDA_TASK_ROOT"} & set(found.environment)


def test_secrets_are_worth_knowing(examine):
    source = """
import os
password = os.environ["DB_PASSWORD"]
url = os.environ["DATABASE"]
key = os.environ["AWS_SECRET_ACCESS_KEY"]
plain = os.environ["TABLE"]
absent = os.environ.get("API_KEY")
"""
    found = examine(source, DB_PASSWORD="x", DATABASE="postgres://me:secret@db/x", TABLE="items")
    assert names(found, "secret") == {"DB_PASSWORD", "DATABASE", "AWS_SECRET_ACCESS_KEY"}
    assert {"TABLE", "API_KEY"} <= names(found)
    assert "AWS_SECRET_ACCESS_KEY" not in found.environment


def test_data_files_are_worth_knowing_and_code_is_not(examine):
    source = "import json, helper\nprices = json.load(open('prices.json'))\nopen('/proc/self/stat').close()\n"
    found = examine(source, files={"prices.json": "{}", "helper.py": ""})
    obstacle = found.only("file-read")
    assert obstacle["path"] == str(found.root / "prices.json")
    assert (obstacle["line"], obstacle["fatal"]) == (2, False)


def test_generators_seeded_at_init_are_worth_knowing(examine):
    source = """
import random
import tempfile
import numpy

class Dice:
    def __init__(self):
        self.generator = random.Random()

DICE = Dice()
ALONE = random.Random(1)
MODERN = numpy.random.default_rng(1)
OLD = numpy.random.RandomState(1)
SYSTEM = random.SystemRandom()
random.random(), numpy.random.random()
tempfile.mktemp()
"""
    found = examine(source, OPENBLAS_NUM_THREADS=1)
    lines = {obstacle["line"] for obstacle in found.of_kind("generator")}
    assert lines == {line_of(source, name) for name in ("DICE =", "ALONE =", "MODERN =", "OLD =")}
    assert found.fatal == []


def test_what_an_installed_package_reads_is_told_from_what_the_user_reads(examine):
    files = {
        "shop/__init__.py": "import os\nos.environ.get('SHOP')\nopen(__file__[:-2] + 'txt').close()\n",
        "shop/__init__.txt": "",
        "shop-1.0.dist-info/RECORD": "shop/__init__.py,,\nshop/__init__.txt,,\nshop-1.0.dist-info/RECORD,,\n",
    }
    source = "import os\nimport shop\nos.environ.get('OWN')\nopen('shop-1.0.dist-info/RECORD').close()\n"
    found = examine(source, files=files)
    libraries = {obstacle["name"]: obstacle["library"] for obstacle in found.of_kind("environment")}
    assert (libraries["SHOP"], libraries["OWN"]) == ("shop", None)
    assert found.of_kind("file-read") == []


def test_what_glowplug_reads_itself_is_not_the_functions(watched):
    result = watched("""
import json, os, types
from glowplug_image import watch
renewal = types.ModuleType("glowplug.renewal")
source = "def renew(): return os.environ.get('RENEWED'), os.getenv('AGAIN')"
exec(compile(source, "/opt/python/glowplug/renewal.py", "exec"), vars(renewal))
renewal.os = os
watch.begin()
renewal.renew()
os.getenv("OWN")
watch.end()
print(json.dumps([name for name in watch.environment_reads() if name in ("RENEWED", "AGAIN", "OWN")]))
""")
    assert result == ["OWN"]
