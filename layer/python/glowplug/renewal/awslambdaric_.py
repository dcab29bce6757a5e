"""`awslambdaric`: its native `runtime_client` reads the runtime API's address when it is loaded, so after the restore.

`preload` loads the rest of it before the image, with something in the native module's place that loads it at its first
use. Who can replace the address loads it then with `load_native`. Without `preload`, awslambdaric is imported after the
restore as ever.
"""

import importlib
import importlib.util
import os
import sys

from .found import instances
from .refusals import SnapshotRefused

ENTROPY = 0

NATIVE = "runtime_client"
CLIENT = "awslambdaric.lambda_runtime_client"

# The native module, where the address that it keeps is going to be replaced.
_replaceable = []


class NativeClient:
    """Stands for the native module until one of its functions is wanted."""

    def __init__(self):
        # Found now: looking for it is not for the restore to do.
        self.__dict__["_spec"] = importlib.util.find_spec(NATIVE)

    def __getattr__(self, name):
        return getattr(self._load(), name)

    def _load(self):
        client = sys.modules[CLIENT]
        spec = self.__dict__["_spec"]
        native = importlib.import_module(NATIVE) if spec is None else importlib.util.module_from_spec(spec)
        if spec is not None:
            spec.loader.exec_module(native)
            sys.modules[NATIVE] = native
        native.initialize_client(client._user_agent())
        client.runtime_client = native
        return native


def load_native(load_library):
    """Loads the native module before the image if `load_library(path)` can; returns what that returned, or None.

    `load_library` loads the library so that the address which it keeps can be replaced after the restore.
    """
    stand_in = getattr(sys.modules.get(CLIENT), "runtime_client", None)
    spec = stand_in._spec if type(stand_in) is NativeClient else None
    if spec is None or spec.origin is None:
        return None
    loaded = load_library(spec.origin)
    if loaded is not None:
        _replaceable.append(stand_in._load())
    return loaded


def preload():
    """Imports awslambdaric without its native module. Nothing happens where it is imported already, or is not there."""
    if CLIENT in sys.modules or NATIVE in sys.modules:
        return
    # The import system's way to say that there is none; awslambdaric then goes on without.
    sys.modules[NATIVE] = None
    try:
        importlib.import_module("awslambdaric.bootstrap")
    except ModuleNotFoundError as error:
        # There is no awslambdaric, or one that does not go on without its native module.
        if error.name not in ("awslambdaric", "awslambdaric.bootstrap", NATIVE):
            raise
    finally:
        del sys.modules[NATIVE]
    client = sys.modules.get(CLIENT)
    if client is not None:
        client.runtime_client = NativeClient()


def prepare():
    if sys.modules.get(NATIVE) not in (None, *_replaceable):
        raise SnapshotRefused(
            "awslambdaric's runtime_client is loaded and keeps the address of the runtime API that it found: "
            "do not import awslambdaric's bootstrap or lambda_runtime_client while the function is initialised"
        )
    bootstrap = sys.modules.get("awslambdaric.bootstrap")
    if bootstrap is None:
        return None
    attributes = bootstrap.__dict__
    log_format, log_level = bootstrap.LogFormat.from_str, bootstrap._get_log_level_from_env_var
    module = sys.modules["awslambdaric.lambda_runtime_marshaller"]
    encoder = getattr(module, "Encoder", None)
    marshallers = [
        each for each in instances(module.LambdaMarshaller) if type(getattr(each, "jsonEncoder", None)) is encoder
    ]
    encodes_for = os.environb.get(b"AWS_EXECUTION_ENV")

    def renew(environment, _):
        # All of this is read while it is imported.
        if environment.get(b"AWS_EXECUTION_ENV") != encodes_for:
            for marshaller in marshallers:
                marshaller.jsonEncoder = encoder()
        attributes["_AWS_LAMBDA_LOG_FORMAT"] = log_format(_text(environment, b"AWS_LAMBDA_LOG_FORMAT"))
        attributes["_AWS_LAMBDA_LOG_LEVEL"] = log_level(_text(environment, b"AWS_LAMBDA_LOG_LEVEL"))

    return renew


def _text(environment, name):
    value = environment.get(name)
    return value and value.decode()
