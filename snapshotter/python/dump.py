"""Process B of a snapshot: compiles the traced modules afresh and hands them to the dumper.

Run as `python -I -S -B dump.py SPEC RESULT` in a process in which the target has never run.
"""

import json
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))

from glowplug_dump import archive


def main():
    spec_file, result_file = map(Path, sys.argv[1:3])
    spec = json.loads(spec_file.read_text("utf-8"))
    trace = json.loads(Path(spec["trace"]).read_text("utf-8"))
    try:
        result = archive.build(spec, trace)
    except (ImportError, OSError, RuntimeError, ValueError) as error:
        sys.exit(f"glowplug: {error}")
    result_file.write_text(json.dumps(result), "utf-8")


if __name__ == "__main__":
    main()
