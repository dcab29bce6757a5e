"""Signals: a handler set before the image, timers, KeyboardInterrupt, a mask."""

import os
import signal
import time

from __main__ import CAUGHT

os.kill(os.getpid(), signal.SIGUSR1)
assert CAUGHT == [signal.SIGUSR1]
assert signal.getsignal(signal.SIGPIPE) is signal.SIG_IGN

alarms = []
signal.signal(signal.SIGALRM, lambda number, frame: alarms.append(number))
signal.setitimer(signal.ITIMER_REAL, 0.01, 0.01)
while len(alarms) < 3:
    signal.pause()
signal.setitimer(signal.ITIMER_REAL, 0)

try:
    signal.raise_signal(signal.SIGINT)
    time.sleep(1)
except KeyboardInterrupt:
    alarms.append("interrupted")
assert alarms[-1] == "interrupted"

assert signal.pthread_sigmask(signal.SIG_BLOCK, []) == set()
signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGUSR2])
os.kill(os.getpid(), signal.SIGUSR2)
assert signal.sigtimedwait([signal.SIGUSR2], 30).si_pid == os.getpid()
