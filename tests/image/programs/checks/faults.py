"""faulthandler: on request, after a time, and on a fatal signal."""

import ctypes
import faulthandler
import os
import signal
import tempfile
import time

with tempfile.TemporaryFile("w+") as file:
    faulthandler.dump_traceback(file)
    faulthandler.dump_traceback_later(0.02, file=file)
    time.sleep(0.3)
    faulthandler.cancel_dump_traceback_later()
    file.seek(0)
    text = file.read()
    assert text.count(os.environ["CHECK"]) >= 2, text
    assert "Timeout" in text
    file.seek(0)
    file.truncate()
    child = os.fork()
    if child == 0:
        faulthandler.enable(file)
        ctypes.string_at(8)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == -signal.SIGSEGV
    file.seek(0)
    assert "Segmentation fault" in file.read()
