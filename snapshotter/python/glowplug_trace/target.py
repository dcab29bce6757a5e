"""Running the target: its imports, its handler, and the handler with each event."""

import posix
import sys

from glowplug_trace import program


class Context:
    """What Lambda passes beside the event, with the attributes of Lambda's own context object."""

    def __init__(self, name):
        environ = posix.environ
        self.function_name = environ.get(b"AWS_LAMBDA_FUNCTION_NAME", name.encode()).decode()
        self.function_version = environ.get(b"AWS_LAMBDA_FUNCTION_VERSION", b"$LATEST").decode()
        self.memory_limit_in_mb = environ.get(b"AWS_LAMBDA_FUNCTION_MEMORY_SIZE", b"128").decode()
        region = environ.get(b"AWS_REGION", b"us-east-1").decode()
        self.invoked_function_arn = f"arn:aws:lambda:{region}:123456789012:function:{self.function_name}"
        self.aws_request_id = "00000000-0000-4000-8000-000000000000"
        self.log_group_name = f"/aws/lambda/{self.function_name}"
        self.log_stream_name = "2026/01/01/[$LATEST]00000000000000000000000000000000"
        self.tenant_id = None
        self.identity = None
        self.client_context = None

    def get_remaining_time_in_millis(self):
        return 300_000

    def log(self, message):
        sys.stdout.write(str(message))


def imported(name):
    """A module by its full name, as importlib.import_module gives it, but without importlib."""
    __import__(name)
    return sys.modules[name]


def run(spec, own_folder):
    """Runs what the spec names. Returns whether it failed; its traceback is then on stderr."""
    doing = "starting"
    try:
        for name in spec["imports"]:
            doing = f"importing {name}"
            imported(name)
        if spec["handler"] is not None:
            name, function = spec["handler"]
            doing = f"importing {name}"
            module = imported(name)
            doing = f"looking for {function} in {name}"
            handler = getattr(module, function)
            for event in spec["events"]:
                doing = f"handling the event {event['name']}"
                handler(event["content"], Context(spec["name"]))
        if spec.get("program"):
            doing = "running the program"
            program.run(spec, own_folder)
    except SystemExit as error:
        report(error, own_folder)
        print(f"glowplug: the target called sys.exit({error.code!r}) while {doing}", file=sys.stderr)
        return True
    except BaseException as error:
        report(error, own_folder)
        print(f"glowplug: the target failed while {doing}", file=sys.stderr)
        return True
    return False


def report(error, own_folder):
    """Prints an exception's traceback as the interpreter does, without this recorder's frames."""
    seen, link = set(), error
    while link is not None and id(link) not in seen:
        seen.add(id(link))
        link.__traceback__ = without_own_frames(link.__traceback__, own_folder)
        link = link.__cause__ or link.__context__
    if isinstance(error, SystemExit):
        return
    sys.__excepthook__(type(error), error, error.__traceback__)


def without_own_frames(traceback, own_folder):
    """The traceback without the recorder's frames and importlib's."""
    if traceback is None:
        return None
    rest = without_own_frames(traceback.tb_next, own_folder)
    file = traceback.tb_frame.f_code.co_filename
    if file.startswith((own_folder + "/", "<frozen importlib")):
        return rest
    return type(traceback)(rest, traceback.tb_frame, traceback.tb_lasti, traceback.tb_lineno)


def leave(status):
    """Ends the process at once: no exit handlers, no waiting for the target's threads."""
    for stream in (sys.stdout, sys.stderr):
        try:
            stream.flush()
        except (AttributeError, OSError, ValueError):
            continue
    posix._exit(status)
