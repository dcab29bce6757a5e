# Starts a Python command with an archive active. `glowplug run` and the layer's wrapper put this
# script between the interpreter's options and the program:
#
#     python [options] start.py [ARCHIVE...] -- -c COMMAND [args]
#     python [options] start.py [ARCHIVE...] -- -m MODULE [args]
#     python [options] start.py [ARCHIVE...] -- FILE [args]
#
# Before the archives may stand image-refused=WHY.
#
# Of the archives, the one for this interpreter is taken; without any, the environment says.
#
# The program then sees what it would have seen without: sys.argv, sys.orig_argv, sys.path[0] and a
# clean __main__. What each way of starting sets is from CPython's Modules/main.c
# (pymain_run_python, pymain_run_command, pymain_run_module, pymain_run_file).
import sys

# The wrapper says with it why the process image is not used.
REFUSED = "image-refused="


def load():
    """The loader: beside this script, or where the layer has it, in /opt/python."""
    if sys.modules.get("_glowplug") is not None:
        return sys.modules["_glowplug"]
    import _imp
    import posix
    from _frozen_importlib import ModuleSpec
    from _frozen_importlib_external import ExtensionFileLoader

    here = __file__.rpartition("/")[0] or "."
    path = here + "/_glowplug.abi3.so"
    if not posix.access(path, posix.R_OK):
        path = (here.rpartition("/")[0] or ".") + "/python/_glowplug.abi3.so"
    spec = ModuleSpec("_glowplug", ExtensionFileLoader("_glowplug", path), origin=path)
    spec._set_fileattr = True
    module = _imp.create_dynamic(spec)
    _imp.exec_dynamic(module)
    module.__spec__, module.__loader__, module.__file__ = spec, spec.loader, path
    sys.modules["_glowplug"] = module
    return module


def activate(archives):
    """Activates one of the archives, or what the environment names; whatever is wrong is one line."""
    refused = archives.pop(0)[len(REFUSED) :] if archives and archives[0].startswith(REFUSED) else None
    try:
        loader = load()
        loader.image_refused = refused
        if loader.status()["rung"] != "plain":
            return
        if not archives:
            loader.activate_from_environment()
            return
        mine = loader.fingerprint()
        suffix = f".{mine['soabi']}.{mine['id']}.glow"
        fitting = [archive for archive in archives if archive.endswith(suffix)]
        # Of several in a folder, or where none fits, the loader has to say so: it is given the folder.
        folders = [archive.rpartition("/")[0] for archive in fitting or archives]
        loader.activate(fitting[0] if folders.count(folders[0]) == len(fitting) == 1 else folders[0])
    except Exception as error:
        if str(error).endswith("(GLOWPLUG_STRICT is set)"):
            sys.stderr.write(f"{error}\n")
            sys.exit(1)
        sys.stderr.write(f"glowplug: {error}; starting the plain way\n")


def take_off():
    """Takes this script off the command line; gives the archives and the program's kind and name."""
    end = sys.argv.index("--")
    archives, program = sys.argv[1:end], sys.argv[end + 1 :]
    cut = len(sys.orig_argv) - len(sys.argv)
    kind, rest = None, program
    if program[0] == "--":
        rest = program[1:]
    elif program[0][:1] == "-":
        # Perhaps after flags, which were repeated before this script; perhaps with what it names.
        at = min(i for i in map(program[0].find, "cm") if i > 0)
        cut -= at > 1
        kind, attached = "-" + program[0][at], program[0][at + 1 :]
        rest = [attached, *program[1:]] if attached else program[1:]
    sys.orig_argv[cut:] = program
    sys.argv[:] = rest if kind is None else [kind, *rest[1:]]
    return archives, kind, rest[0]


def prepare():
    """Activates an archive; says the three things that tell how to go on."""
    archives, kind, what = take_off()
    activate(archives)
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
        code = compile(what, "<string>", "exec", 0, True)
        if sys.version_info >= (3, 13):
            show_in_tracebacks(code, what)
        return builtin.exec, (code, main)
    what = absolute(what)
    if os.path.isdir(what) or (not what.endswith((".py", ".pyw")) and is_archive(what)):
        if insert:
            del sys.path[0]
        sys.path.insert(0, what)
        import runpy

        new_main(__loader__=None)
        return runpy._run_module_as_main, ("__main__", False)
    if insert:
        sys.path[0] = os.path.dirname(os.path.realpath(what))
    from _frozen_importlib_external import SourceFileLoader

    try:
        with open(what, "rb") as file:
            source = file.read()
    except OSError as error:
        sys.stderr.write(f"{sys.executable}: can't open file {what!r}: [Errno {error.errno}] {error.strerror}\n")
        sys.exit(2)
    main = new_main(__loader__=SourceFileLoader("__main__", what), __file__=what, __cached__=None)
    return builtin.exec, (compile(source, what, "exec", 0, True), main)


def absolute(path):
    """A path as the interpreter makes it absolute (CPython Python/fileutils.c, _Py_abspath)."""
    import os

    return path if path.startswith("/") else f"{os.getcwd()}/{path}"


def show_in_tracebacks(code, text):
    """Has tracebacks show the lines of a `-c` program, as CPython 3.13 and later do."""
    import linecache

    if hasattr(linecache, "_interactive_cache"):
        linecache._register_code(code, text, "<string>")
    elif hasattr(linecache, "_register_code"):
        linecache._register_code("<string>", text, "<string>")


def is_archive(path):
    """Whether a file is a zip archive with programs in it."""
    try:
        with open(path, "rb") as file:
            return file.read(2) == b"PK"
    except OSError:
        return False


def execute(prepare):
    """Runs the program that `prepare` gives, without this script in its tracebacks."""
    try:
        run, arguments = prepare()
    except SyntaxError as error:
        sys.excepthook(type(error), error.with_traceback(None), None)
        sys.exit(1)
    try:
        run(*arguments)
        return
    except SystemExit:
        raise
    except KeyboardInterrupt as error:
        # The interpreter itself has to see this one: it ends the process by the signal.
        hook, trace = sys.excepthook, error.__traceback__.tb_next
        sys.excepthook = lambda kind, value, _: hook(kind, value.with_traceback(trace), trace)
        raise
    except BaseException as error:
        trace = error.__traceback__.tb_next
        error = error.with_traceback(trace)
        sys.last_type, sys.last_value, sys.last_traceback = type(error), error, trace
        if sys.version_info >= (3, 12):
            sys.last_exc = error
        sys.excepthook(type(error), error, trace)
    if not sys.flags.inspect:
        sys.exit(1)


if __name__ == "__main__":
    execute(lambda: program(*prepare()))
