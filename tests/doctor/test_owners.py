"""Each kind of thing that the doctor names comes with the module, the file and the line that made it, and what to do.

The tests beside this one look at each kind more closely.
"""

import pytest
from examined import line_of

pytestmark = pytest.mark.no_wheel

# By kind, or what it is an example of: a function's source; the line in question has the mark.
MARK = "# here"
SOURCES = {
    "thread": """
import socket, threading
threading.Thread(target=socket.create_server(("127.0.0.1", 0)).accept, daemon=True).start()  # here
""",
    "socket": "import socket\nlistener = socket.create_server(('127.0.0.1', 0))  # here\n",
    "connection": """
import socket
try:
    socket.create_connection(("127.0.0.1", 9), 1)  # here
except OSError:
    pass
""",
    "name-lookup": """
import socket
try:
    socket.getaddrinfo("name.invalid", 80)  # here
except OSError:
    pass
""",
    "pipe": "import os\nreader, writer = os.pipe()  # here\nos.close(reader)\n",
    "fifo": "import os\nos.mkfifo('fifo')\nfd = os.open('fifo', os.O_RDWR)  # here\n",
    "socketpair": "import socket\none, other = socket.socketpair()  # here\nother.close()\n",
    "file": "log = open('log', 'w')  # here\n",
    "lock": "import fcntl\nlock = open('prices.json')  # here\nfcntl.flock(lock, fcntl.LOCK_EX)\n",
    "shared-mapping": "import mmap\nshared = mmap.mmap(-1, 4096)  # here\n",
    # It does not keep the pipes open that the test reads to their end.
    "child-process": """
import subprocess
child = subprocess.Popen(["sleep", "60"], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)  # here
""",
    "timer": "import signal\nsignal.setitimer(signal.ITIMER_REAL, 600)  # here\n",
    "generator": "import random\nDICE = random.Random(1)  # here\n",
    "environment": "import os\nTABLE = os.environ['TABLE']  # here\n",
    "environment-whole": "import os\nEVERYTHING = dict(os.environ)  # here\n",
    "secret": "import os\nPASSWORD = os.environ['DB_PASSWORD']  # here\n",
    "file-read": "PRICES = open('prices.json').read()  # here\n",
}

KINDS = {"fifo": "pipe", "file": "writable-file", "socketpair": "connection"}


@pytest.mark.parametrize("case", SOURCES)
def test_it_is_named_with_module_file_line_and_remedy(case, examine):
    source = SOURCES[case] + "\n\ndef handler(event, context):\n    return 1\n"
    found = examine(source, files={"prices.json": "{}"}, TABLE="items", DB_PASSWORD="hunter2hunter2")
    wanted = ("app", str(found.root / "app.py"), line_of(source, MARK))
    named = [obstacle for obstacle in found.obstacles if (obstacle["module"], obstacle["file"]) == wanted[:2]]
    there = [obstacle for obstacle in named if obstacle["line"] == wanted[2]]
    assert KINDS.get(case, case) in {obstacle["kind"] for obstacle in there}
    assert all(obstacle["what"] and obstacle["remedy"] for obstacle in there)
    # Nothing else is blamed on another line.
    assert {other["line"] for other in named if other["fatal"]} <= {wanted[2]}


def test_an_idle_pool_of_a_library_that_is_not_known_is_refused_by_name(examine):
    """As aiohttp, redis, psycopg and others keep them: the user's own hook has to close it."""
    files = {
        "pool/__init__.py": """
import asyncio

class Pool:
    def __init__(self):
        self.loop = asyncio.new_event_loop()
        self.idle = []

    def use(self, port):
        self.idle.append(self.loop.run_until_complete(asyncio.open_connection("127.0.0.1", port)))  # dialled

    def close(self):
        for _, writer in self.idle:
            writer.close()
            self.loop.run_until_complete(writer.wait_closed())
        self.idle.clear()
""",
        "pool-1.0.dist-info/RECORD": "pool/__init__.py,,\n",
    }
    source = """
import os
import pool

POOL = pool.Pool()

def handler(event, context):
    POOL.use(event["port"])
    if event["close"]:
        POOL.close()
"""
    import socket

    with socket.create_server(("127.0.0.1", 0)) as server:
        event = {"port": server.getsockname()[1], "close": False}
        (found,) = examine(source, event, files=files).fatal
        assert found["kind"] == "connection"
        assert f"is connected to 127.0.0.1:{event['port']}" in found["what"]
        assert (found["module"], found["line"]) == ("pool", line_of(files["pool/__init__.py"], "# dialled"))
        assert (found["library"], found["through"]["line"]) == ("pool", line_of(source, "POOL.use"))
        assert "before_snapshot" in found["remedy"]
        # What its hook has to do is enough.
        assert examine(source, {**event, "close": True}, files=files).fatal == []
