"""Invokes a function: `invoke.py ROOT MODULE EVENT`. Prints its answer, and where each module came from, as JSON."""

import sys

before = set(sys.modules)


class Context:
    """What Lambda passes beside the event."""

    function_name = "function"
    function_version = "$LATEST"
    memory_limit_in_mb = "128"
    invoked_function_arn = "arn:aws:lambda:eu-central-1:123456789012:function:function"
    aws_request_id = "00000000-0000-4000-8000-000000000000"
    log_group_name = "/aws/lambda/function"
    log_stream_name = "stream"


def main(root, function, event_file):
    sys.path.insert(0, root)
    # The JSON of events is Python too; `json` is not imported for the function's sake.
    with open(event_file, encoding="utf-8") as file:  # noqa: PTH123
        event = eval(file.read(), {"true": True, "false": False, "null": None})
    answer = __import__(function).handler(event, Context())
    gained = [(name, module) for name, module in list(sys.modules.items()) if name not in before]

    import json

    modules = []
    for name, module in gained:
        spec = getattr(module, "__spec__", None)
        loader = getattr(spec, "loader", None)
        modules.append(
            {
                "name": name,
                "spec": getattr(spec, "name", None),
                "file": getattr(module, "__file__", None),
                "loader": f"{type(loader).__module__}.{type(loader).__qualname__}",
            }
        )
    loader = sys.modules.get("_glowplug")
    print(json.dumps({"answer": answer, "modules": modules, "status": loader and loader.status()}, default=str))


main(*sys.argv[1:])
