"""Code objects as a plain start would have them: fresh, never run, as `marshal` makes them."""

import marshal
import warnings
from importlib.machinery import SourceFileLoader
from pathlib import Path


class NotCompiledError(Exception):
    """A module's or text's code could not be had."""


def fresh(code):
    """A copy as it comes out of a `.pyc`: no caches filled, nothing shared with live objects."""
    return marshal.loads(marshal.dumps(code))


def of_module(name, path):
    """The code of a module: from its `.pyc` where that is valid, else compiled from the source."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # shown to the user by process A already
            return fresh(SourceFileLoader(name, path).get_code(name))
    except (OSError, ImportError, SyntaxError, ValueError, EOFError, RecursionError) as error:
        raise NotCompiledError(f"its code could not be read: {error}") from error


def source_of(path):
    """The content of a source file, and its modification time in seconds as importlib takes it."""
    file = Path(path)
    return file.read_bytes(), int(file.stat().st_mtime)


def of_text(source, filename, mode, flags):
    """The code of a text. One that gives warnings is refused: an archive would swallow them."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            return fresh(compile(source, filename, mode, flags, dont_inherit=True))
    except (SyntaxError, ValueError, Warning, RecursionError, MemoryError) as error:
        raise NotCompiledError(str(error)) from error
