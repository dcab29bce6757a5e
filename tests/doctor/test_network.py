"""Sockets and connections: each is named with its address and the line that made it."""

import pytest
from examined import line_of

pytestmark = pytest.mark.no_wheel

LISTENER = """
import socket
listener = socket.create_server(("127.0.0.1", 0))
port = listener.getsockname()[1]
"""
CLIENT = """
import contextlib
import socket

def call(port=9):
    with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
        pass

def handler(event, context):
    call()
"""


def test_a_listening_socket_stands_in_the_way(examine):
    found = examine(LISTENER).only("socket")
    assert "listens on 127.0.0.1:" in found["what"]
    assert (found["module"], found["line"]) == ("app", line_of(LISTENER, "create_server"))


def test_an_open_connection_stands_in_the_way_by_both_its_ends(examine):
    source = LISTENER + "client = socket.create_connection(('127.0.0.1', port))\nserver, _ = listener.accept()\n"
    found = [obstacle for obstacle in examine(source).of_kind("connection") if "is connected to" in obstacle["what"]]
    assert len(found) == 2
    assert {obstacle["line"] for obstacle in found} == {line_of(source, "client ="), line_of(source, "accept")}


def test_a_connection_of_init_stands_in_the_way_even_if_it_failed_and_is_closed(examine):
    source = CLIENT + "\n\ncall()\n"
    found = examine(source).only("connection")
    assert (found["remote"], found["fatal"]) == ("127.0.0.1:9", True)
    assert (found["module"], found["line"]) == ("app", line_of(source, "create_connection"))


def test_a_connection_of_the_handler_that_is_closed_does_not(examine):
    found = examine(CLIENT, {})
    assert found.only("connection")["fatal"] is False
    assert found.fatal == []


def test_a_connection_to_a_unix_socket_is_named_by_its_path(examine):
    source = """
import contextlib
import socket
with socket.socket(socket.AF_UNIX) as s, contextlib.suppress(OSError):
    s.connect("there")
"""
    assert examine(source).only("connection")["remote"] == "there"


def test_sending_a_datagram_is_reaching_out(examine):
    source = """
import socket
with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
    s.sendto(b"x", ("127.0.0.1", 9))
"""
    found = examine(source).only("connection")
    assert "sent data to 127.0.0.1:9" in found["what"]
    assert found["line"] == line_of(source, "sendto")


def test_a_socket_that_nothing_was_done_with_is_made_again(examine):
    found = examine("import socket\ns = socket.socket(socket.AF_INET6)\n")
    assert not found.fatal
    (record,) = found.records_of("socket")
    assert record["family"] == 10


def test_looking_a_name_up_is_worth_knowing_and_an_address_is_not(examine):
    source = """
import contextlib
import socket
for host in "127.0.0.1", "::1", "localhost", None:
    with contextlib.suppress(OSError):
        socket.getaddrinfo(host, 80)
with contextlib.suppress(OSError):
    socket.gethostbyname("name.invalid")
"""
    found = examine(source).only("name-lookup")
    assert (found["host"], found["fatal"], found["line"]) == ("name.invalid", False, line_of(source, "invalid"))


def test_fresh_sockets_can_be_recorded(watched):
    result = watched("""
from glowplug_image import descriptors, watch
watch.begin()
import json, socket
fresh = socket.socket()
fresh.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
sent = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
sent.setblocking(False)
sent.sendto(b"", ("127.0.0.1", 9))
bound = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
bound.bind(("127.0.0.1", 0))
records, obstacles = descriptors.found(fresh_sockets=True)
numbers = [fresh.fileno(), sent.fileno(), bound.fileno()]
print(json.dumps([numbers, records, [(o.kind, o.facts["fd"]) for o in obstacles]]))
""")
    (fresh, sent, bound), records, obstacles = result
    assert obstacles == [["socket", bound]]
    assert [(record["fd"], record["kind"], record["family"], record["type"]) for record in records] == [
        (fresh, "socket", 2, 1), (sent, "socket", 2, 2),
    ]  # fmt: skip
    assert records[0]["options"] == [[1, 9, 1]]
    assert records[1]["flags"] == 0o4000
