"""Threads in motion at the snapshot point: they count, pass balls to each other, calculate and sleep.

What it says behind that point tells whether each of them went on, and whether what they keep is consistent.
"""

import hashlib
import json
import queue
import socket
import threading
import time

import glowplug

LOCK, MOVED = threading.Lock(), {}
ACCOUNTS = [1000] * 4
CONDITION = threading.Condition()


def repeat(name, step):
    """A thread that does a step over and over, and counts."""

    def run():
        while True:
            step()
            MOVED[name] = MOVED.get(name, 0) + 1

    threading.Thread(target=run, name=name, daemon=True).start()


def transfer(source, target):
    with LOCK:
        ACCOUNTS[source] -= 1
        time.sleep(0)
        ACCOUNTS[target] += 1


def turns(own, other):
    """Takes turns with another thread by a condition variable."""
    with CONDITION:
        CONDITION.wait_for(lambda: MOVED.get(own, 0) <= MOVED.get(other, 0), 30)
        CONDITION.notify_all()


ping, pong = queue.Queue(), queue.Queue()
ping.put(0)
left, right = socket.socketpair()
left.send(b"x")
repeat("ping", lambda: pong.put(ping.get(timeout=30) + 1))
repeat("pong", lambda: ping.put(pong.get(timeout=30) + 1))
repeat("left", lambda: left.send(left.recv(1)))
repeat("right", lambda: right.send(right.recv(1)))
for number in range(4):
    repeat(f"transfer {number}", lambda number=number: transfer(number, (number + 1) % 4))
repeat("sleep", lambda: time.sleep(0.001))
repeat("hash", lambda: hashlib.sha256(bytes(200_000)).digest())
repeat("odd", lambda: turns("odd", "even"))
repeat("even", lambda: turns("even", "odd"))
time.sleep(0.05)
glowplug.snapshot_point()
before, until = dict(MOVED), time.monotonic() + 20
while time.monotonic() < until and any(MOVED[name] < before.get(name, 0) + 3 for name in list(MOVED)):
    time.sleep(0.002)
with LOCK:
    stuck = sorted(name for name in MOVED if MOVED[name] < before.get(name, 0) + 3)
    print(json.dumps({"rung": glowplug.status()["rung"], "stuck": stuck, "sum": sum(ACCOUNTS)}), flush=True)
