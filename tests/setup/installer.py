"""Fills environments with what files of requirements pin. By uv, in seconds where pip takes half a minute."""

import ast
import os
import subprocess
from pathlib import Path

import places

CACHE = places.TARGET / "uv-cache"

# What no test and no benchmark imports: it need not be compiled.
NOT_COMPILED = (
    r"/tests/|/sqlalchemy/dialects/(?!sqlite|__init__|_typing)|"
    r"/(cffi|numpy/f2py|pycparser|pydantic/v1|pygments|sqlalchemy/testing)/"
)


def settings_of_pip():
    """uv's variables for where pip is told to get packages from: uv does not read pip's configuration."""
    names = {"index-url": "UV_DEFAULT_INDEX", "extra-index-url": "UV_INDEX", "find-links": "UV_FIND_LINKS",
             "cert": "SSL_CERT_FILE"}  # fmt: skip
    command = [places.TOOLS / "bin" / "python", "-m", "pip", "config", "list"]
    said = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    told = {}
    # Lines such as "global.index-url='...'"; what the environment says comes first and counts most.
    for line in said.splitlines():
        key, _, value = line.partition("=")
        option = key.rpartition(".")[2]
        words = ast.literal_eval(value).split() if option in names else []
        if option == "find-links":
            # Folders that are not there are nothing to pip and an error to uv.
            words = [word for word in words if "://" in word or Path(word).is_dir()]
        if words:
            told.setdefault(names[option], (" " if option == "extra-index-url" else ",").join(words))
    return told


def install(executable, files, *options):
    """Installs what the files of requirements pin into the environment of a Python."""
    wanted = [argument for file in files for argument in ("--requirement", file)]
    uv_install(executable, ["--only-binary", ":all:", *options, *wanted], settings_of_pip())


def install_wheel(executable, wheel):
    """Installs one wheel as it is, in the place of any other of its name, into the environment of a Python."""
    uv_install(executable, ["--no-index", "--no-deps", "--reinstall", "--no-cache", wheel], {})


def uv_install(executable, arguments, settings):
    """Has uv install something into the environment of a Python."""
    command = [places.TOOLS / "bin" / "uv", "pip", "install", "--quiet", "--python", executable, "--no-config"]
    # Copies: what a test does to a file of one environment must not reach the others, nor which pages are in memory.
    environment = {"UV_CACHE_DIR": str(CACHE), "UV_LINK_MODE": "copy", **settings, **os.environ}
    subprocess.run([*command, *arguments], check=True, env=environment)


def compile_all(executable, folder):
    """Writes the .pyc files of the modules below a folder. What is no valid Python is passed over."""
    command = [executable, "-m", "compileall", "-qq", "-x", NOT_COMPILED, folder]
    subprocess.run(command, check=False, stdout=subprocess.DEVNULL)
