"""Other programs: their output, exit status and environment."""

import os
import signal
import subprocess
import sys

done = subprocess.run(["/bin/sh", "-c", 'echo "$0 $SHAPE"; cat; exit 3'], input=b"x" * 1_000_000, capture_output=True)
assert done.returncode == 3
assert done.stdout == b"/bin/sh round\n" + b"x" * 1_000_000, done.stdout[:100]
with subprocess.Popen(["/bin/sleep", "60"]) as child:
    child.terminate()
    assert child.wait(30) == -signal.SIGTERM
assert os.WEXITSTATUS(os.system("exit 5")) == 5
child = os.fork()
if child == 0:
    os._exit(6)
assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 6
assert os.waitstatus_to_exitcode(os.waitpid(os.posix_spawn("/bin/true", ["true"], os.environ), 0)[1]) == 0
if os.access(sys.executable, os.X_OK):
    said = subprocess.run([sys.executable, "-c", "print(6 * 7)"], capture_output=True, check=True).stdout
    assert said == b"42\n", said
