"""A regular package with a resource."""

import json
from importlib import resources


def basket():
    """Reads the resource that lies beside this file."""
    return json.loads(resources.files(__name__).joinpath("data/basket.json").read_text(encoding="utf-8"))
