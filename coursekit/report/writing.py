"""Looks at a network and at pictures, and writes the page."""

from __future__ import annotations

import os
import warnings
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

import matplotlib
import numpy as np

from coursekit.files import write_whole, writing
from coursekit.networks.graph import as_inputs, find_layer, refuse_channels_first
from coursekit.networks.loading import load_network
from coursekit.pictures.streams import Fit, as_stream
from coursekit.report import page
from coursekit.report.labels import below_common, labels_of
from coursekit.report.layers import (
    channels_to_search,
    class_count,
    feature_layer,
    layers_to_show,
    output_layer,
)
from coursekit.report.parts import MOST_PATCHES, PARTS, Looked, Stopped
from coursekit.show.architecture import analyze
from coursekit.techniques.patches_search import Search
from coursekit.techniques.survey import Plan, survey
from coursekit.validation import as_count
from coursekit.waiting import progress_bar

_ANY_SIDE = 224  # for a network that takes every size
_SUFFIXES = (".html", ".htm")


class Interrupted(UserWarning):
    """The page is written, but holds less than was asked for."""


def write_report(
    model: Any,
    pictures: Any,
    to: str | os.PathLike,
    labels: Any = None,
    *,
    class_names: Sequence[str] | None = None,
    batch_size: int = 32,
    client: Any = None,
) -> Path:
    """Write a page about a network and what it does with pictures: one HTML file, to look at or to send.

    It shows the architecture with its flags, the answers, what ``diagnose`` finds, the channels of some layers, their
    strongest patches, a map of the pictures with the errors marked, and heat maps of the worst mistakes. What a network
    does not have, or what cannot be measured, is left out with the reason. The page loads nothing from anywhere, and is
    8 MB at most: it says what it leaves out.

    The pictures stream by, each going through the network once, and memory does not grow with their number. What needs
    more passes takes some of them: the findings up to 128, too few for a range of dead channels of Dense layers.
    Interrupted, the page is written with what there is, and says so.

    Args:
        model: A Keras model, or the file of one, which is read as ``load_network`` reads it.
        pictures: What ``top_patches`` takes, if it can be fetched again: the path of a folder, a list of files, an
            array (N, H, W, C). Files are brought to the network's size, and to grey where it takes one channel; their
            values are 0-255. A file that cannot be read is left out and named. For a network with several inputs a list
            or a dict of arrays, as ``activations`` takes them: then the page shows the architecture and the findings.
        to: The page: a file whose name ends in .html. One that is there is replaced.
        labels: None; ``"by-folder"``, where the pictures of each class lie in a folder of their own; or for each
            picture a class number or a word. A network that gives one number, and not as a probability, tells two
            classes apart only if labels or names of classes are given: 1 where it is above 0.
        class_names: What the classes are called, in the order of the network's outputs. Words in ``labels`` are matched
            with these; else by number ("0", "1"); else by ImageNet's names in a network of 1000 classes, if they are
            such; else, if there are as many words as classes, in alphabetical order. The page says which.
        batch_size: Pictures computed at a time.
        client: A ``distributed.Client``: its Dask cluster looks at the pictures. Paths must mean the same there.

    Returns:
        The path of the page.

    Raises:
        FileNotFoundError: There is no such model, folder of pictures, or folder for the page.
        OSError: The page cannot be written there; that is found out first.
        TypeError: An argument is of the wrong type.
        ValueError: There is no picture, labels cannot be matched, the file of the model is refused, or ``to`` is no
            name for a page.

    Example:
        >>> import keras, numpy as np
        >>> from coursekit import write_report
        >>> layers = [keras.Input((8, 8, 3)), keras.layers.Conv2D(4, 3), keras.layers.Flatten(), keras.layers.Dense(2)]
        >>> pictures = np.random.default_rng(0).integers(0, 256, (5, 8, 8, 3))
        >>> write_report(keras.Sequential(layers), pictures, "report.html", labels=[0, 1, 0, 1, 1]).name
        'report.html'
    """
    target = Path(os.path.expanduser(to))
    if target.suffix.lower() not in _SUFFIXES:
        raise ValueError(f"The page is a file whose name ends in .html, not {target.name!r}.")
    _check_place(target)
    name = Path(model).name if isinstance(model, (str, os.PathLike)) else None
    model = model if name is None else load_network(model)
    looked = _look(model, pictures, labels, class_names, as_count(batch_size, "batch_size"), client)
    parts, stopped = _parts(looked)
    if looked.survey is not None and looked.survey.interrupted:
        stopped.insert(0, f"{looked.survey.done:,} of {looked.stream.count:,} pictures were looked at.")
    said = " ".join(stopped)
    title = f"Report on {name or model.name}"
    write_whole(target, page.encoded(page.page(title, _summary(looked, said), parts)))
    if said:
        warnings.warn(Interrupted(f"Interrupted: {said}"), stacklevel=2)
    return target


class _Tried(Exception):
    """It can be written."""


def _check_place(target: Path) -> None:
    """Raise before all the work what would keep the page from being written after it."""
    folder = target.absolute().parent
    if not os.path.isdir(folder):
        raise FileNotFoundError(f"There is no folder {folder} for the page. Make it, or name a file somewhere else.")
    if os.path.isdir(target):
        raise IsADirectoryError(f"{target} is a folder. Name a file for the page, such as {target / 'report.html'}.")
    try:
        with suppress(_Tried), writing(target):
            raise _Tried
    except OSError as error:
        raise type(error)(
            f"The page cannot be written as {target} ({error.strerror}). Name a file in a folder that you can write "
            "to, with a shorter name if this one is long."
        ) from error


def _look(
    model: Any, pictures: Any, labels: Any, class_names: Sequence[str] | None, batch_size: int, client: Any
) -> Looked:
    """Return what there is to be seen in a network and in pictures."""
    table = analyze(model)
    layers, all_layers, kind = layers_to_show(model)
    classes = class_count(model, labels is not None or class_names is not None)
    from_files = isinstance(pictures, (str, os.PathLike))
    try:
        refuse_channels_first(model)
        if len(model.inputs) != 1 or len(model.inputs[0].shape) != 4:
            shapes = " and ".join(" x ".join(map(str, tensor.shape[1:])) for tensor in model.inputs)
            raise ValueError(
                f"Pictures are for networks with one input (height, width, channels); this takes {shapes}."
            )
    except ValueError as error:
        if from_files:
            found, several = labels_of(None, None, 0, classes, class_names), None
            more = " Give write_report one array for each input instead of a folder, and it shows the findings."
            trouble = str(error) + (more if len(model.inputs) > 1 else "")
        else:
            several, trouble = as_inputs(model, pictures)[0], str(error)
            found = labels_of(labels, None, len(several[0]), classes, class_names)
        return Looked(model, table, all_layers, kind, found, trouble=trouble, several=several)
    stream = as_stream(pictures)
    if stream.item is None:
        raise ValueError("These pictures pass only once, but a report looks at some again: give a folder or an array.")
    names = stream.names
    if isinstance(labels, str) and not from_files and isinstance(stream.first, (str, os.PathLike)):
        names = below_common(names)  # a list of files is named as its reader wrote it, wherever they lie
    found = labels_of(labels, names, stream.count, classes, class_names)
    try:
        plan = _plan(model, layers, stream.first, classes)
    except ValueError as error:
        return Looked(model, table, all_layers, kind, found, trouble=str(error))
    if not isinstance(stream.first, (str, os.PathLike)):
        plan.fit.target(
            np.shape(stream.first), 0
        )  # pictures of another size are the caller's mistake, not the network's
    try:
        seen = survey(model, plan, stream, found.classes, batch_size, client)
    except ValueError as error:
        return Looked(model, table, all_layers, kind, found, trouble=str(error))
    if not len(seen.read) and not seen.interrupted:
        raise ValueError(f"None of these {seen.done:,} files can be read as a picture. {' '.join(seen.unread[:3])}")
    return Looked(model, table, all_layers, kind, found, stream, plan, seen)


def _plan(model: Any, layers: Sequence[str], first: Any, classes: int | None) -> Plan:
    """Return what is to be looked for in pictures like the first one."""
    height, width, channels = model.inputs[0].shape[1:]
    if isinstance(first, (str, os.PathLike)):
        if channels not in (1, 3):
            raise ValueError(f"Files hold pictures in colours or in grey, but this network takes {channels} channels.")
    elif height is None or width is None:
        height, width = np.shape(first)[:2]
    fit = Fit((height or _ANY_SIDE, width or _ANY_SIDE), channels, scan=False, longest=None)
    output, probabilities = output_layer(model)
    searches = tuple(_search(model, layer, fit) for layer in layers)
    return Plan(searches, feature_layer(model), output, probabilities, fit, output is not None and classes is None)


def _search(model: Any, layer: str, fit: Fit) -> Search:
    count = find_layer(model, layer).shape[-1]
    return Search(layer, MOST_PATCHES, channels_to_search(count), count, 1, fit)


def _parts(looked: Looked) -> tuple[list[page.Part], list[str]]:
    """Return the sections, and what was not done because of an interrupt."""
    needs_none = {"architecture", "findings"} if looked.several is not None else {"architecture"}
    wanted = [one for one in PARTS if looked.survey is not None or one[0] in needs_none]
    parts: list[page.Part] = []
    said: list[str] = []
    # Names come from files: in a figure a dollar sign is a dollar sign, and a letter without a glyph a box.
    with matplotlib.rc_context({"text.parse_math": False}), warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Glyph .* missing from", UserWarning)
        try:
            for key, title, draw in progress_bar(wanted, desc="Drawing", unit="part"):
                try:
                    content = draw(looked)
                except (ValueError, TypeError) as error:
                    content = page.note(f"Not shown: {error}")
                except Stopped as stop:
                    parts.append(page.Part(key, title, stop.content))
                    said.append(f"Not all of this was done: {title}.")
                    raise
                parts.append(page.Part(key, title, content))
        except KeyboardInterrupt:
            missing = wanted[len(parts) :]
            stopped = page.note("Stopped before this was drawn.")
            parts += [page.Part(key, title, stopped) for key, title, _ in missing]
            said += [f"Not drawn: {', '.join(title for _, title, _ in missing)}."] if missing else []
    return parts, said


def _summary(looked: Looked, stopped: str) -> str:
    words = [f'<p class="stopped">Stopped before the end. {page.text(stopped)}</p>'] if stopped else []
    if looked.survey is not None:
        words.append(page.paragraph(f"What the network does with {len(looked.survey.read):,} pictures."))
    else:
        words.append(page.paragraph(f"What the network does with pictures is not shown. {looked.trouble}"))
    return "\n".join(words)
