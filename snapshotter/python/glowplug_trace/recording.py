"""All recorders together: switched on before the target runs, read out afterwards."""

# ruff: noqa: PTH123 (pathlib must not be imported before the target imports it)

from glowplug_trace import bytecode_files, collection, data_files, kept_code, modules, regexes, search_path, texts


def is_utf8(value):
    """Whether every string in a JSON value can be written as UTF-8 (no lone surrogates)."""
    if isinstance(value, str):
        try:
            value.encode()
        except UnicodeEncodeError:
            return False
        return True
    if isinstance(value, dict):
        return all(is_utf8(key) and is_utf8(item) for key, item in value.items())
    if isinstance(value, (list, tuple)):
        return all(is_utf8(item) for item in value)
    return True


def write(result, path):
    """Writes a result as JSON. `json` is imported here, when nothing is recorded any more."""
    import json

    with open(path, "w", encoding="utf-8") as file:
        json.dump(result, file)


class Recording:
    """One run of the target under observation. `own_folder` holds the recorder's files."""

    def __init__(self, own_folder):
        self.search_path = search_path.SearchPath()
        self.texts = texts.Texts()
        self.modules = modules.Modules(self.search_path, self.texts, own_folder)
        self.regexes = regexes.Regexes()
        self.data_files = data_files.DataFiles(own_folder)
        self.collection = collection.Collection()

    def begin(self):
        self.modules.begin()
        self.regexes.begin()
        self.data_files.begin()
        self.collection.begin()

    def end(self):
        """Stops recording and returns what was seen, ready for JSON."""
        self.data_files.end()
        kept = kept_code.by_file()
        garbage = self.collection.end()
        found, extensions, left_out = self.modules.end()
        fit = []
        for module in found:
            if is_utf8(module):
                fit.append(module)
            else:
                name = module["name"].encode("utf-8", "replace").decode()
                left_out.append({"name": name, "reason": "its path is not UTF-8"})
        stale = [
            {"name": module["name"], "state": state}
            for module in fit
            if (state := bytecode_files.state(module["name"], module["path"])) != "valid"
        ]
        return {
            "modules": fit,
            "extensions": [module for module in extensions if is_utf8(module)],
            "left_out": [entry for entry in left_out if is_utf8(entry)],
            "stale_pyc": stale,
            "shared_libraries": [path for path in data_files.shared_libraries() if is_utf8(path)],
            "data_files": [entry for entry in self.data_files.existing() if is_utf8(entry)],
            "regexes": [regex for regex in self.regexes.found if is_utf8(regex)],
            "texts": {name: [text for text in found if is_utf8(text)] for name, found in self.texts.by_module.items()},
            "kept_code": {file: functions for file, functions in kept.items() if is_utf8([file, functions])},
            "garbage": garbage,
            "search_path": [entry for entry in self.search_path.entries() if is_utf8(entry)],
        }
