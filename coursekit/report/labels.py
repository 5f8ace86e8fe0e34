"""Which class of the network a picture belongs to, by its folder or by what the reader says."""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from coursekit.networks.labels import as_class, imagenet_labels

BY_FOLDER = "by-folder"
_MOST = 8  # names in an error
_SAY = "say what the classes are called, in their order: --classes, or class_names in Python."


class Labels(NamedTuple):
    """The class of each picture.

    Attributes:
        classes: (N,) index of the class, -1 where it is not known.
        names: What the classes are called, where that is known: {index: name}.
        rule: How the classes were found, a sentence for the page; empty without labels.
        called: Why they are called so, where nobody said it, a sentence for the page; or empty.
    """

    classes: np.ndarray
    names: dict[int, str]
    rule: str
    called: str = ""


def labels_of(
    labels: Any, names: Sequence[str] | None, count: int, classes: int | None, given: Sequence[str] | None
) -> Labels:
    """Return the labels of pictures.

    Args:
        labels: None; "by-folder"; or for each picture a whole number or a word.
        names: The pictures' names, as in "cats/tom.jpg", where they have some: see ``below_common``.
        count: How many pictures there are.
        classes: How many classes the network tells apart; None if it tells none.
        given: What the classes are called, in the order of the network's outputs; None if nobody said.

    Raises:
        TypeError: ``labels`` are none of these.
        ValueError: There are not as many as pictures, or words cannot be matched with the network's classes.
    """
    unknown = np.full(count, -1, np.int64)
    called, why = _names(classes, given)
    if labels is None:
        return Labels(unknown, called, "", why)
    if classes is None:
        raise ValueError("This network does not answer with one number for each class, so it takes no labels.")
    if isinstance(labels, str):
        if labels != BY_FOLDER:
            raise ValueError(f"labels must be {BY_FOLDER!r}, or one number or word for each picture, not {labels!r}.")
        words = [name.partition("/")[0] if "/" in name else None for name in names or ()]
        if not any(words):
            raise ValueError("The pictures lie in no sub-folders: put those of each class into a folder of its own.")
    else:
        words = list(labels)
        if len(words) != count:
            raise ValueError(f"There are {count} pictures but {len(words)} labels.")
        if all(isinstance(word, (int, np.integer)) and not isinstance(word, bool) for word in words):
            numbers = _checked(np.array(words, np.int64), classes)
            return Labels(numbers, called, "Labels are class numbers, as given.", why)
        if not all(isinstance(word, str) for word in words):
            raise TypeError("labels must be whole numbers, or words, one for each picture.")
    known = sorted({word for word in words if word is not None})
    index, rule, new = _matched(known, classes, given)
    found = np.array([-1 if word is None else index[word] for word in words], np.int64)
    what = "Sub-folders" if isinstance(labels, str) else "Labels"
    rule = f"{what} were matched with the network's classes {rule}."
    if bare := int((found < 0).sum()):
        rule += f" {bare} of {count} pictures lie in no sub-folder, so they have no label."
    return Labels(found, {**called, **new}, rule, "" if new else why)


def below_common(paths: Sequence[str]) -> list[str]:
    """Return the names of files below the folder that holds all of them: "cats/tom.jpg" for "/my/cats/tom.jpg"."""
    whole = [os.path.abspath(os.path.expanduser(path)) for path in paths]
    top = os.path.commonpath([os.path.dirname(path) for path in whole])
    return [os.path.relpath(path, top).replace(os.sep, "/") for path in whole]


def _checked(classes: np.ndarray, count: int) -> np.ndarray:
    if len(wrong := classes[(classes < 0) | (classes >= count)]):
        raise ValueError(f"There is no class {wrong[0]}: the network tells {count} apart, counted from 0.")
    return classes


def _names(classes: int | None, given: Sequence[str] | None) -> tuple[dict[int, str], str]:
    """Return what the classes are called, and why, where that has to be said."""
    if given is not None:
        given = [str(name) for name in given]
        if classes is None:
            raise ValueError("This network does not answer with one number for each class, so it takes no class names.")
        if len(given) != classes or len(set(given)) != len(given):
            raise ValueError(
                f"There are {len(set(given))} different class names, but the network tells {classes} apart."
            )
        return dict(enumerate(given)), ""
    if classes != len(imagenet_labels()):
        return {}, ""
    others = "--classes (class_names in Python) gives others"
    why = f"Classes are called by ImageNet's names, because there are 1,000; {others}."
    return dict(enumerate(imagenet_labels())), why


def _matched(words: list[str], classes: int, given: Sequence[str] | None) -> tuple[dict[str, int], str, dict[int, str]]:
    """Return the class of each word, how it was found, and what classes are called after that."""
    if given is not None:
        place = {str(name): i for i, name in enumerate(given)}
        if missing := [word for word in words if word not in place]:
            raise ValueError(f"{missing[0]!r} is none of the class names: {_some(place)}.")
        return {word: place[word] for word in words}, "by their names, as given", {}
    if all(word.isascii() and word.isdecimal() and int(word) < classes for word in words):
        return {word: int(word) for word in words}, "by number: 0 is the first output", {}
    if classes == len(imagenet_labels()):
        try:
            return {word: as_class(word, classes) for word in words}, "by ImageNet's names", {}
        except ValueError as error:  # a network may tell 1,000 others apart
            if len(words) != classes:
                raise ValueError(f"{error} If the classes are not ImageNet's, {_SAY}") from error
    if len(words) == classes:
        ordered = {word: i for i, word in enumerate(words)}
        return ordered, "in alphabetical order, as Keras numbers the folders of a data set", dict(enumerate(words))
    raise ValueError(
        f"There are {len(words)} labels ({_some(words)}), but the network tells {classes} classes apart, so they "
        f"cannot be matched in their order. Call them by the classes' numbers, or {_SAY}"
    )


def _some(names: Any) -> str:
    names = list(names)
    return ", ".join(map(repr, names[:_MOST])) + " ..." * (len(names) > _MOST)
