"""The function under Lambda's runtime (awslambdaric), up to the point before it asks for its first event.

`bootstrap.run` gets a client that stands for the real one: the first events that it gives out are those of the priming,
then the image is taken, and in a restored process it becomes the real client.
"""

# ruff: noqa: PTH120 (pathlib must not be imported before the target imports it)

import json
import os
import sys
import time

from glowplug.renewal import awslambdaric_

from glowplug_image import watch

# How many answers behind the first one nothing is read around what is touched, where the page cache was cold. With each
# there are fewer pages that have not been touched before.
LEFT_COLD = 9


class PrimingFailedError(Exception):
    """The handler answered an event with an error."""


class Sink:
    """Stands for the runtime's log sink, whose descriptor is the new environment's."""

    def __init__(self, create):
        self.create = create
        self.enter()

    def enter(self):
        self.target = self.create()
        self.target.__enter__()

    def __enter__(self):
        return self

    def __exit__(self, *exception):
        return self.target.__exit__(*exception)

    def log(self, *arguments, **named):
        self.target.log(*arguments, **named)

    def log_error(self, lines):
        self.target.log_error(lines)


class Client:
    """The runtime's client while the image is made."""

    def __init__(self, capture, events, package):
        self.capture = capture
        self.events = list(events)
        self.waiting = self.events * capture.spec["prime_rounds"]
        self.responses = []
        self.package = package
        self.marshaller = package.client.LambdaMarshaller()
        self.classes = Classes(package.client.LambdaRuntimeClient, capture)

    def wait_next_invocation(self):
        watch.handling()
        if self.waiting and len(self.waiting) % len(self.events) == 0:
            self.capture.before_round(len(self.waiting) == len(self.events))
        if not self.waiting and self.capture.found is None:
            self.capture.primed(self.responses[: len(self.events)])
            self.capture.take()
            self.package.renew()
        if self.waiting:
            return self.request(self.waiting.pop(0))
        return self.become_real()

    def request(self, event):
        """An event of the priming, as the real client has it from the service."""
        # A class that something has been looked up in is not written to when that is done again.
        _ = self.classes.settling.settle, getattr(self.package.endpoint, "set", None)
        headers = {
            "Lambda-Runtime-Aws-Request-Id": f"00000000-0000-4000-8000-{len(self.responses):012}",
            "Lambda-Runtime-Trace-Id": "Root=1-00000000-000000000000000000000000;Parent=0000000000000000;Sampled=0",
            "Lambda-Runtime-Invoked-Function-Arn": "arn:aws:lambda:us-east-1:123456789012:function:"
            + self.capture.spec["name"],
            "Lambda-Runtime-Deadline-Ms": str(int(time.time() * 1000) + 300_000),
            "Content-Type": "application/json",
        }
        return self.package.rehearse(self.capture.spec["handler"], json.dumps(event["content"]).encode(), headers)

    def become_real(self):
        """From here on this is the runtime's own client."""
        capture, classes, count = self.capture, self.classes, len(self.events)
        real = self.package.connect(capture.spec["handler"])
        self.__dict__.clear()
        self.__dict__.update(real.__dict__)
        self.__class__ = classes.settling if capture.replay is None else classes.replay(count)
        return self.wait_next_invocation()

    def post_invocation_result(self, invoke_id, result_data, content_type="application/json", invocation_id=None):
        self.responses.append(text(result_data))

    def post_invocation_error(self, invoke_id, error_response_data, xray_fault, invocation_id=None):
        raise PrimingFailedError(error_response_data)

    def post_init_error(self, error_response_data, error_type_override=None):
        raise PrimingFailedError(json.dumps(error_response_data))


class Classes:
    """What the client becomes in a restored process: made before the image, since making classes takes a while."""

    def __init__(self, real, capture):
        class AnsweredCold(real):
            """The real client's class behind the first answer, where the page cache was cold.

            The next events touch a few pages that the first did not. What lies around them nobody needs.
            """

            left = LEFT_COLD

            def answered(self):
                self.left -= 1
                if self.left == 0:
                    self.__class__ = real
                    capture.dumper.read_around_again()

            def post_invocation_result(self, *arguments, **named):
                super().post_invocation_result(*arguments, **named)
                self.answered()

            def post_invocation_error(self, *arguments, **named):
                super().post_invocation_error(*arguments, **named)
                self.answered()

        class Settling(real):
            """The real client's class; it releases the crash latch when the handler has answered for the first time."""

            settled, answered_cold = real, AnsweredCold

            def settle(self):
                capture.settled()
                self.__class__ = self.settled

            def post_invocation_result(self, *arguments, **named):
                answered_cold = self.answered_cold
                self.settle()
                self.post_invocation_result(*arguments, **named)
                capture.settle_renewal()
                if capture.is_cold():
                    self.__class__ = answered_cold

            def post_invocation_error(self, *arguments, **named):
                answered_cold = self.answered_cold
                self.settle()
                self.post_invocation_error(*arguments, **named)
                capture.settle_renewal()
                if capture.is_cold():
                    self.__class__ = answered_cold

        class Replaying(real):
            """The real client's class in a replay, which ends when `count` events are answered."""

            responses = []  # noqa: RUF012 (there is one client)
            count = 0

            def wait_next_invocation(self):
                if len(self.responses) == self.count:
                    capture.finish_replay(self.responses)
                return super().wait_next_invocation()

            def post_invocation_result(self, invoke_id, result_data, *arguments, **named):
                self.responses.append(text(result_data))
                super().post_invocation_result(invoke_id, result_data, *arguments, **named)

            def post_invocation_error(self, invoke_id, error_response_data, *_arguments, **_named):
                raise PrimingFailedError(error_response_data)

        class ReplayingFirst(Settling):
            """The same up to the first answer: a replay touches what a start touches."""

            settled = answered_cold = Replaying

        self.settling, self.replaying, self.replaying_first = Settling, Replaying, ReplayingFirst

    def replay(self, count):
        """The class for a replay of so many events."""
        self.replaying.count = count
        return self.replaying_first if count else self.replaying


def text(result):
    return result.decode("utf-8", "replace") if isinstance(result, bytes) else result


class Service:
    """Stands for the runtime's native module while the way to the first event is rehearsed."""

    def __init__(self, body, headers):
        self.answer = body, headers

    def next(self):
        return self.answer


class Package:
    """awslambdaric, with its native module where the address that it keeps can be replaced."""

    def __init__(self, dumper):
        awslambdaric_.preload()
        self.endpoint = awslambdaric_.load_native(dumper.load_with_endpoint)
        if self.endpoint is None:
            # What the native module is linked with takes longer to load than itself.
            dumper.load_library("libstdc++.so.6")
        from awslambdaric import bootstrap, lambda_config, lambda_runtime_client

        self.bootstrap, self.config, self.client = bootstrap, lambda_config, lambda_runtime_client
        if os.environ.get("AWS_EXECUTION_ENV") in lambda_config.LambdaConfigProvider.SUPPORTED_THREADPOLLING_ENVS:
            # The real client is going to poll in a thread.
            import concurrent.futures.thread  # noqa: F401 (it is the import that counts)
        self.folder = os.path.dirname(bootstrap.__file__)
        create = bootstrap.create_log_sink
        self.sink = None

        def create_once():
            self.sink = Sink(create)
            return self.sink

        bootstrap.create_log_sink = create_once
        self.logging = self.log_settings()

    def log_settings(self):
        return self.bootstrap._AWS_LAMBDA_LOG_FORMAT, self.bootstrap._AWS_LAMBDA_LOG_LEVEL

    def renew(self):
        """What the runtime took from the environment when it began."""
        if "_LAMBDA_TELEMETRY_LOG_FD" in os.environ:
            self.sink.enter()
        if self.log_settings() != self.logging:
            import logging

            kinds = self.bootstrap.LambdaLoggerHandler, self.bootstrap.LambdaLoggerHandlerWithFrameType
            root = logging.getLogger()
            for handler in [handler for handler in root.handlers if type(handler) in kinds]:
                root.removeHandler(handler)
            self.bootstrap._setup_logging(*self.log_settings(), self.sink)

    def rehearse(self, handler, body, headers):
        """The request that the real client makes of an answer of the service, but for the service.

        So the code that a restored process runs until its first event has run before the image is taken: it is
        specialised by then, looks nothing up in classes for the first time, and has its thread's stack.
        """
        self.log_settings()
        self.client._user_agent()
        environment = {
            "AWS_LAMBDA_RUNTIME_API": "127.0.0.1:9001",
            "AWS_EXECUTION_ENV": os.environ.get("AWS_EXECUTION_ENV"),
        }
        config = self.config.LambdaConfigProvider([None, handler], environment)
        native, self.client.runtime_client = self.client.runtime_client, Service(body, headers)
        try:
            return self.client.LambdaRuntimeClient(config.api_address, config.use_thread_polling).wait_next_invocation()
        finally:
            self.client.runtime_client = native

    def connect(self, handler):
        """The real client."""
        config = self.config.LambdaConfigProvider([None, handler])
        if self.endpoint is not None:
            self.endpoint.set(config.api_address.encode())
            self.client.runtime_client.initialize_client(self.client._user_agent())
        return self.client.LambdaRuntimeClient(config.api_address, config.use_thread_polling)


def run(capture, package, handler, events):
    """Runs the function as the runtime does; returns never."""
    try:
        package.bootstrap.run(handler, Client(capture, events, package))
    except PrimingFailedError as error:
        fault = json.loads(str(error))
        for line in (f"{fault.get('errorType')}: {fault.get('errorMessage')}", *fault.get("stackTrace", ())):
            print(line.rstrip("\n"), file=sys.stderr)
        print("glowplug: the target failed", file=sys.stderr)
        capture.leave(3)
