# Starts a Python command with an archive active. `glowplug run` and the layer's wrapper put this
# script between the interpreter's options and the program:
#
#     python [options] start.py -c COMMAND [args]
#     python [options] start.py -m MODULE [args]
#     python [options] start.py FILE [args]
#
# The program then sees what it would have seen without: sys.argv, sys.orig_argv, sys.path[0] and a
# clean __main__. What each way of starting sets is from CPython's Modules/main.c
# (pymain_run_python, pymain_run_command, pymain_run_module, pymain_run_file).
import sys


def prepare():
    """Activates the archive; says the three things that tell how to go on."""
    import _imp
    from _frozen_importlib import ModuleSpec
    from _frozen_importlib_external import ExtensionFileLoader

    here = __file__.rpartition("/")[0] or "."
    path = here + "/_glowplug.abi3.so"
    try:
        if "_glowplug" not in sys.modules:
            spec = ModuleSpec("_glowplug", ExtensionFileLoader("_glowplug", path), origin=path)
            spec._set_fileattr = True
            module = _imp.create_dynamic(spec)
            _imp.exec_dynamic(module)
            module.__spec__, module.__loader__, module.__file__ = spec, spec.loader, path
            sys.modules["_glowplug"] = module
        loader = sys.modules["_glowplug"]
        if loader.status()["rung"] == "plain":
            loader.activate_from_environment()
    except ImportError as error:
        sys.stderr.write(f"glowplug: {error}; starting the plain way\n")
    arguments = sys.argv[1:]
    cut = len(sys.orig_argv) - len(sys.argv)
    sys.orig_argv[cut:] = arguments
    kind = arguments.pop(0) if arguments[0] in ("-c", "-m") else None
    what = arguments.pop(0)
    sys.argv[:] = [what if kind is None else kind, *arguments]
    return kind, what, not (sys.flags.isolated or getattr(sys.flags, "safe_path", False))


def new_main(**names):
    """A __main__ as a program finds it; this script keeps the old one for itself."""
    module = type(sys)("__main__")
    main = module.__dict__
    main.update(names)
    if sys.version_info < (3, 14):
        main["__annotations__"] = {}
    main["__builtins__"] = sys.modules["builtins"]
    sys.modules["__main__"] = module
    return main


def program(kind, what, insert):
    """Makes sys.path[0] and __main__ ready; gives a function that runs the program."""
    import os

    builtin = sys.modules["builtins"]
    if kind == "-m":
        if insert:
            sys.path[0] = os.getcwd()
        import runpy

        new_main(__loader__=None)
        return runpy._run_module_as_main, (what,)
    if kind == "-c":
        if insert:
            sys.path[0] = ""
        from _frozen_importlib import BuiltinImporter

        main = new_main(__loader__=BuiltinImporter)
        return builtin.exec, (compile(what, "<string>", "exec", 0, True), main)
    if os.path.isdir(what) or not what.endswith((".py", ".pyw")) and is_archive(what):
        if insert:
            del sys.path[0]
        sys.path.insert(0, what)
        import runpy

        new_main(__loader__=None)
        return runpy._run_module_as_main, ("__main__", False)
    if insert:
        sys.path[0] = os.path.dirname(os.path.realpath(what) if os.path.islink(what) else what)
        sys.path[0] = os.path.abspath(sys.path[0]) if sys.path[0] else os.getcwd()
    from _frozen_importlib_external import SourceFileLoader

    try:
        with open(what, "rb") as file:
            source = file.read()
    except OSError as error:
        sys.stderr.write(
            f"{sys.executable}: can't open file {os.path.abspath(what)!r}: [Errno {error.errno}] {error.strerror}\n"
        )
        sys.exit(2)
    main = new_main(__loader__=SourceFileLoader("__main__", what), __file__=what, __cached__=None)
    return builtin.exec, (compile(source, what, "exec", 0, True), main)


def is_archive(path):
    """Whether a file is a zip archive with programs in it."""
    try:
        with open(path, "rb") as file:
            return file.read(2) == b"PK"
    except OSError:
        return False


def start():
    """Runs the program, without this script in its tracebacks."""
    try:
        run, arguments = program(*prepare())
    except SyntaxError as error:
        sys.excepthook(type(error), error.with_traceback(None), None)
        sys.exit(1)
    try:
        run(*arguments)
    except (SystemExit, KeyboardInterrupt):
        raise
    except BaseException as error:
        trace = error.__traceback__.tb_next
        error = error.with_traceback(trace)
        sys.last_type, sys.last_value, sys.last_traceback = type(error), error, trace
        sys.excepthook(type(error), error, trace)
        sys.exit(1)


start()
