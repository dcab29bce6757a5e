"""Exceptions, and tracebacks with their source lines."""

import inspect
import json
import traceback

from __main__ import fails

try:
    fails(0)
except ZeroDivisionError as error:
    text = traceback.format_exc()
    assert error.__traceback__.tb_next.tb_frame.f_code is fails.__code__
assert 'return HELD[0]["held"][0] / divisor  # as planned' in text, text
assert "in fails" in text
assert inspect.getsource(fails).startswith("def fails(divisor):")
try:
    json.loads("{")
except json.JSONDecodeError as error:
    assert "in raw_decode" in "".join(traceback.format_tb(error.__traceback__))
try:
    try:
        raise KeyError("one")
    except KeyError as error:
        raise ValueError("other") from error
except ValueError as error:
    assert isinstance(error.__cause__, KeyError)
