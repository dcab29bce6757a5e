"""Seeds the fuzzer's corpus with real archives: small ones, one for each Python."""

import json
import subprocess
from pathlib import Path

TARGET = Path(__file__).resolve().parents[2] / "target"
CORPUS = TARGET / "fuzz" / "corpus"


def main():
    CORPUS.mkdir(parents=True, exist_ok=True)
    for known in json.loads((TARGET / "pythons.json").read_text("utf-8"))["pythons"]:
        folder = TARGET / "venvs" / known["label"] / "bin"
        for module in ("keyword", "json,dataclasses"):
            subprocess.run(
                [folder / "glowplug", "snapshot", "--import", module, "--python", folder / "python", "-o", CORPUS],
                check=True,
                stdout=subprocess.DEVNULL,
            )


if __name__ == "__main__":
    main()
