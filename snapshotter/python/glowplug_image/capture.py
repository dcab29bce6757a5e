"""Taking the image of this process, and what comes first in each restored one."""

# ruff: noqa: PTH117, PTH118, PTH123 (pathlib must not be imported before the target imports it)

import atexit
import fcntl
import gc
import io
import json
import os
import sys
import threading
import time

from glowplug import hooks, point, renewal

from glowplug_image import descriptors, obstacles, runtime, watch

# Statuses of this process.
TAKEN = 0
TARGET_FAILED = 3
REFUSED = 5
# So often it is tried to find open files as they were described, seconds between two attempts.
ATTEMPTS, PAUSE = 50, 0.005
# Milliseconds from a program's restore until it gets what is left until the first work is done.
SETTLE_AFTER = 150
STREAM = 1  # SOCK_STREAM of <sys/socket.h>
# Names of functions that a restored process runs until its first answer and that have not run before, in the files
# of `files_of_first_steps`.
FIRST_STEPS = frozenset((
    "__init__", "_text", "become_real", "connect", "disarm", "find_spec", "is_anything_left", "is_cold", "log_settings",
    "post_invocation_result", "renew", "renumber", "run_after_restore", "set_arguments", "settle", "settle_renewal",
    "settled", "wait_next_invocation", "wipe",
))  # fmt: skip
# Files that keep what is written to them until they are freed, closed or flushed.
BUFFERED = (io.TextIOWrapper, io.BufferedWriter, io.BufferedRandom)
# What the sandbox of a replay is told.
REPLAY = b"GLOWPLUG_REPLAY"


class Capture:
    """What one run of the target is for."""

    def __init__(self, spec, dumper):
        self.spec = {**spec, "dont_write_bytecode": "-B" in spec["options"]}
        self.dumper = dumper
        self.replay = None
        self.found = None
        self.main_file = None
        self.no_modules = set()
        # What code was like before the first and the last round of the priming, and after that.
        self.noted_code = []
        # What objects there were before the last round, and how much room classes left in what their objects share.
        self.noted_objects = self.noted_keys = None

    def run_handler(self, folder):
        """Runs the function under its runtime; returns never."""
        root, handler = self.spec["root"], self.spec["handler"]
        # Before the function has registered anything, so after all of that.
        atexit.register(write_out)
        sys.path.insert(0, root)
        package = runtime.Package(self.dumper)
        self.main_file = os.path.join(package.folder, "__main__.py")
        sys.argv[:] = [self.main_file, handler]
        runtime.run(self, package, handler, self.spec["events"])

    def run_program(self, folder):
        """Runs a program, which has to come to its snapshot point."""
        start = load_start(folder)
        program = self.spec["program"]
        sys.argv[:] = ["start.py", "--", *program]
        sys.orig_argv[:] = [sys.orig_argv[0], *self.spec["options"], "start.py", "--", *program]
        _, kind, what = start.take_off()
        insert = not (sys.flags.isolated or getattr(sys.flags, "safe_path", False))
        start.execute(lambda: start.program(kind, what, insert))
        if self.found is None:
            remedy = "call glowplug.snapshot_point() where the program is ready and has not begun its work"
            what = "the program ended without coming to a snapshot point"
            self.refuse([{"kind": "no-snapshot-point", "what": what, "remedy": remedy, "fatal": True}])

    def before_round(self, is_last):
        """Notes what code is like before the handler runs: what differs afterwards has run. Objects are noted too."""
        del self.noted_code[1:]
        self.noted_code.append(self.dumper.note_code())
        if is_last:
            self.noted_objects = self.dumper.note_objects()
            self.noted_keys = self.dumper.note_shared_keys()
        # What a restored process makes first.
        point.Restored({"archive": b"", "folder": b"", "begun": 0, "resumed": 0}, ())

    def primed(self, responses):
        """Keeps what the handler answered to the events; with a plain run that is all that is wanted."""
        if self.noted_code:
            self.noted_code.append(self.dumper.note_code())
        self.write("responses.json", responses)
        if self.spec["plain"]:
            self.leave(TAKEN)

    def take(self):
        """Takes the image and ends this process. Returns in each restored one."""
        if self.found is not None:
            return
        threading.main_thread()  # it is there, and so its id can be renewed
        try:
            hooks.run_before_snapshot()
            renewal.prepare()
        except renewal.SnapshotRefused as error:
            self.refuse([{"kind": "library", "what": str(error), "remedy": "", "fatal": True}])
        self.refuse_fatal(obstacles.find(fresh_sockets=True))
        warnings = [obstacle.to_json() for obstacle in obstacles.find() if not obstacle.fatal]
        variables = self.variables()
        self.no_modules = watch.imports_in_vain()
        watch.end()
        flush()
        # What is frozen is not collected at the interpreter's own exit, where plain Python frees it.
        atexit.register(gc.unfreeze)
        gc.collect()
        if self.noted_keys is not None:
            self.dumper.settle_shared_keys(self.noted_keys)
        self.dumper.immortalize(self.noted_objects)
        self.noted_objects = self.noted_keys = None
        if self.noted_code:
            # They are megabytes, which the image is not to have.
            noted, self.noted_code = self.noted_code, []
            self.dumper.gather_code(noted, files_of_first_steps(), FIRST_STEPS)
            del noted
        self.dumper.fill_holes()
        self.dumper.forget_relocations()
        gc.freeze()
        found = self.take_undisturbed(variables, warnings)
        if found is None:
            self.leave(TAKEN)
        self.found = found
        self.renew(found)

    def take_undisturbed(self, variables, warnings):
        """Takes the image when no thread has changed an open file since it was described."""
        remedy = "stop it in a before_snapshot hook, or start it in the handler, when it is first needed"
        for _ in range(ATTEMPTS):
            files = self.dumper.digest_of_files()
            records, fatal = descriptors.found(fresh_sockets=True)
            self.refuse_fatal(fatal)
            self.write_process(records, variables, warnings)
            try:
                found = self.dumper.capture(self.spec["output"], files, *contents(records))
            except self.dumper.NotCarriedError as error:
                what, how = error.args
                self.refuse([{"kind": "thread", "what": what, "remedy": how, "fatal": True}])
            if found is not False:
                return found
            time.sleep(PAUSE)
        what = "a thread changes what is open, or what is in it, all the time"
        return self.refuse([{"kind": "thread", "what": what, "remedy": remedy, "fatal": True}])

    def refuse_fatal(self, found):
        fatal = [obstacle.to_json() for obstacle in found if obstacle.fatal]
        if fatal:
            self.refuse(fatal)

    def refuse(self, fatal):
        self.write("refused.json", fatal)
        self.leave(REFUSED)

    def write_process(self, records, variables, warnings):
        """What is known of the process beside its memory."""
        modules = []
        for name, module in list(sys.modules.items()):
            path = getattr(module, "__file__", None)
            if isinstance(path, str) and os.path.isabs(path):
                modules.append([name, path])
        self.write(
            "process.json",
            {
                "executable": sys.executable,
                "options": self.spec["options"],
                "variables": variables,
                "descriptors": records,
                "modules": modules,
                "warnings": warnings,
            },
        )

    def variables(self):
        """What was read of the environment, with the values that this process was started with.

        os.environ has more: what the interpreter set for itself (PEP 538), and the target.
        """
        with open("/proc/self/environ", "rb") as file:
            pairs = [entry.partition(b"=") for entry in file.read().split(b"\0")]
        given = {os.fsdecode(name): os.fsdecode(value) for name, mark, value in pairs if mark}
        own = self.spec["own_variables"]
        return {name: given.get(name) for name in watch.environment_reads() if name not in own}

    def write(self, name, content):
        with open(os.path.join(self.spec["output"], name), "w", encoding="utf-8", errors="surrogateescape") as file:
            json.dump(content, file)

    def renew(self, found):
        """Makes this process one of its own. What fails here starts the command again, from the code archive."""
        environment = found["environment"]
        self.replay = environment.pop(REPLAY, None)
        try:
            renewal.threads.renumber(found["threads"])
            renewal.renew(environment)
            unwritten = environment.get(b"PYTHONDONTWRITEBYTECODE")
            sys.dont_write_bytecode = bool(self.spec["dont_write_bytecode"] or unwritten)
            point.restored = point.Restored(found, self.no_modules)
            sys.meta_path.insert(0, point.restored.late)
            self.set_arguments(found["arguments"])
            if environment.get(b"GLOWPLUG_LOG", b"").lower() == b"info":
                self.tell()
            hooks.run_after_restore()
            if self.spec["handler"] is None:
                self.after_program_restored()
        except BaseException as error:
            self.start_again(found, error)

    def tell(self):
        """One line on stderr, where the log is wanted."""
        archive, milliseconds = point.restored.archive, point.restored.milliseconds
        line = f"glowplug: {archive}: the process image is restored ({milliseconds:.1f} ms)\n"
        os.write(2, line.encode("utf-8", "replace"))

    def set_arguments(self, given):
        """`sys.argv` and `sys.orig_argv` as the runtime would have found them; a program's are the same as ever."""
        if self.spec["handler"] is None:
            return
        given = [os.fsdecode(argument) for argument in given]
        sys.orig_argv[:] = given
        program = given[1 + len(self.spec["options"]) :]
        if program[0] == "-m":
            program = [self.main_file, *program[2:]]
        sys.argv[:] = program

    def after_program_restored(self):
        """A program's own work begins here; a replay ends."""
        if self.replay is not None:
            self.finish_replay([])
        self.settled()
        if renewal.is_anything_left():
            # Threads that begin spin for a tenth of a second, beside the work that the start is for.
            self.dumper.call_later(SETTLE_AFTER, self.settle_program)
        else:
            self.settle_program()

    def start_again(self, found, error):
        name = f"{type(error).__name__}: {error}"
        arguments = found["arguments"]
        archive = os.fsdecode(found["archive"])
        reason = f"glowplug: {archive}: the process image is not used: {name}; starting from the code archive\n"
        os.write(2, reason.encode("utf-8", "replace"))
        wrapper = os.path.join(os.fsdecode(found["folder"]), "exec")
        environment = {**found["environment"], b"GLOWPLUG_MODE": b"code"}
        disarm(found["latch"])
        if os.access(wrapper, os.X_OK):
            os.execve(wrapper, [os.fsencode(wrapper), *arguments], environment)
        os.execvpe(arguments[0], arguments, environment)

    def settled(self):
        """The first work after the restore is done: the crash latch is released."""
        if self.found is not None:
            disarm(self.found["latch"])
            self.found["latch"] = -1

    def settle_renewal(self):
        """What was left until the first work is done."""
        if self.found is not None:
            renewal.settle(self.found["environment"])

    def settle_program(self):
        """The same for a program, of whose work nothing more is known."""
        self.settle_renewal()
        if self.is_cold():
            self.dumper.read_around_again()

    def is_cold(self):
        """Whether the page cache was cold at the start, and the kernel is kept from reading around what is touched."""
        return self.found is not None and self.found["cold"]

    def finish_replay(self, responses):
        """Ends a replay: what was answered, and what memory was touched."""
        folder = os.fsdecode(self.replay)
        result = {
            "responses": responses,
            "touched": self.dumper.touched(),
            "milliseconds": point.restored.milliseconds,
        }
        with open(os.path.join(folder, "replay.json"), "w", encoding="utf-8") as file:
            json.dump(result, file)
        self.settled()
        self.leave(0)

    def leave(self, status):
        flush()
        os._exit(status)


def files_of_first_steps():
    """Names of the files with what a restored process runs first, as code objects have them."""
    # Of the snapshot step's own modules `sys.modules` has none.
    found = {__file__, runtime.__file__, hooks.__file__, point.__file__, renewal.__file__}
    return found | {subject.__file__ for subject in (*renewal.SUBJECTS, renewal.wiped)}


def contents(records):
    """How many bytes can be read at pipes and stream sockets, and the counts of eventfds, each with its descriptor."""
    readable, counts = [], []
    for record in records:
        is_read_end = record["kind"] == "pipe" and record["end"] == "read"
        if is_read_end or (record["kind"] == "socketpair" and record["type"] == STREAM):
            readable.append((record["fd"], len(record.get("content", "")) // 2))
        elif record["kind"] == "eventfd":
            counts.append((record["fd"], record["count"]))
    return readable, counts


def load_start(folder):
    """The start script's functions."""
    module = type(sys)("glowplug_start")
    path = os.path.join(folder, "start.py")
    with open(path, "rb") as file:
        exec(compile(file.read(), path, "exec"), module.__dict__)
    return module


def flush():
    for stream in (sys.stdout, sys.stderr):
        try:
            stream.flush()
        except (AttributeError, OSError, ValueError):
            continue


def write_out():
    """Writes out what files keep that were opened after the restore, at the process's exit.

    Immortal objects are not freed at an exit (the dumper's survivors.rs), nor is a file that one of them refers to.
    """
    for each in gc.get_objects():
        # Not isinstance(): it asks the object, which may be anybody's proxy.
        if issubclass(type(each), BUFFERED):
            try:
                each.flush()
            except (OSError, ValueError):
                continue


def disarm(latch):
    """Takes the mark of this start off the crash latch (layer/wrapper, latch.rs)."""
    if latch < 0:
        return
    try:
        fcntl.flock(latch, fcntl.LOCK_EX | fcntl.LOCK_NB)
        os.ftruncate(latch, 0)
    except OSError:
        pass  # others are under way, and keep their mark
    os.close(latch)
