"""Write the files of the book's live parts: ``python book/live_files.py FOLDER``.

They are this repository's own (book/live), the widgets' scripts and styles as JupyterLab gets them, the network
(network.wasm, its layers and its weights), and the photos. Pages take ``live.js`` and ``live.css`` from there; they
find the rest beside them.
"""

from __future__ import annotations

import json
import shutil
import sys
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from coursekit import ChannelExplorer, DreamExplorer, EmbeddingExplorer, UnitCard, activations, squeezenet
from coursekit.networks.backend import keras
from coursekit.networks.graph import find_layer, steps
from coursekit.networks.squeezenet import INPUT_SIZE, CaffePreprocessing
from coursekit.pictures.book import BOOK_PHOTOS, book_photo
from coursekit.pictures.fitting import photos_for
from coursekit.widgets import QuestionCards
from coursekit.widgets.networks import class_names

HERE = Path(__file__).parent
WIDGETS = {
    "channel_explorer": ChannelExplorer,
    "dream_explorer": DreamExplorer,
    "embedding_explorer": EmbeddingExplorer,
    "unit_card": UnitCard,
    "question": QuestionCards,
}


def write_live_files(folder: Path) -> None:
    """Write all files that live parts need into a folder."""
    shutil.copytree(HERE / "live", folder, dirs_exist_ok=True)
    shutil.copy(HERE / "network" / "network.wasm", folder)
    model = squeezenet()
    layers, weights = network_files(model)
    (folder / "network.json").write_text(json.dumps(layers), encoding="utf-8")
    (folder / "weights.f32.bin").write_bytes(weights.astype("<f4").tobytes())
    (folder / "spreads.json").write_text(json.dumps(spreads(model), separators=(",", ":")), encoding="utf-8")
    (folder / "classes.json").write_text(json.dumps(class_names(model)), encoding="utf-8")
    (folder / "widgets").mkdir(exist_ok=True)
    for name, widget in WIDGETS.items():
        (folder / "widgets" / f"{name}.js").write_text(widget._esm, encoding="utf-8")
        (folder / "widgets" / f"{name}.css").write_text(widget._css, encoding="utf-8")
    (folder / "photos").mkdir(exist_ok=True)
    for name in BOOK_PHOTOS:  # as PNG: JPEG's losses would show in the values
        Image.fromarray(book_photo(name, (INPUT_SIZE, INPUT_SIZE))).save(
            folder / "photos" / f"{name}.png", optimize=True
        )


def spreads(model: Any) -> dict[str, dict]:
    """Return what DreamExplorer counts scores in, for each layer: see ``coursekit.techniques.spread``.

    Returns:
        {layer: {"units": the standard deviation of each channel's mean over the course's 20 photos, "strongest": the
        largest of them in this unit, "flat": whether the layer has no height and width}}.
    """
    names = [step.name for step in steps(model) if step.parents]
    photos = photos_for((INPUT_SIZE, INPUT_SIZE, 3))
    means = [[_means(answer) for answer in activations(model, photo, names).values()] for photo in photos]
    found = {}
    for name, values in zip(names, map(np.stack, zip(*means, strict=True)), strict=True):
        units = [float(f"{one:.3g}") or 1.0 for one in values.std(axis=0)]
        strongest = [float(f"{one:.4g}") for one in values.max(axis=0) / np.float32(units)]
        found[name] = {"units": units, "strongest": strongest, "flat": len(find_layer(model, name).shape) == 1}
    return found


def _means(answer: np.ndarray) -> np.ndarray:
    return answer.mean(axis=tuple(range(answer.ndim - 1)))


def network_files(model: Any) -> tuple[list[dict], np.ndarray]:
    """Return what a page computes a network from.

    Args:
        model: A Keras model of the layers that ``book/live/network.js`` knows, with square windows.

    Returns:
        The layers in the order of computation, and all weights (n,) float32: each convolution's kernel as
        (out, in, rows, columns), then its biases. A layer says where in them its own begin.

    Raises:
        ValueError: There is another layer, or one that is set another way.
    """
    layers, weights, count = [], [], 0
    for step in steps(model):
        said = {"name": step.name, "inputs": list(step.parents), **_layer(step)}
        if said["kind"] == "convolution":
            kernel, bias = step.operation.get_weights()
            said |= {"kernel": count, "bias": count + kernel.size}
            weights += [kernel.transpose(3, 2, 0, 1).ravel(), bias]
            count += kernel.size + bias.size
        layers.append(said)
    return layers, np.concatenate(weights)


def _layer(step: Any) -> dict[str, Any]:
    layer, known = step.operation, keras.layers
    if step.is_input:
        return {"kind": "picture"}
    match layer:
        case CaffePreprocessing():
            return {"kind": "centring", "mean": layer.mean}
        case known.Conv2D(groups=1, dilation_rate=(1, 1), use_bias=True) if (
            layer.activation is keras.activations.linear
        ):
            return {"kind": "convolution", "filters": layer.filters, **_window(layer, layer.kernel_size)}
        case known.MaxPooling2D():
            return {"kind": "pooling", **_window(layer, layer.pool_size)}
        case known.ReLU(negative_slope=0, max_value=None, threshold=0):
            return {"kind": "rectifier"}
        case known.Concatenate(axis=-1):
            return {"kind": "concatenation"}
        case known.Dropout():
            return {"kind": "identity"}
        case known.GlobalAveragePooling2D(keepdims=False):
            return {"kind": "average"}
        case known.Softmax(axis=-1):
            return {"kind": "softmax"}
    raise ValueError(f"The book's network does not know {step.name!r}, a {type(layer).__name__} as it is set there.")


def _window(layer: Any, sides: tuple[int, int]) -> dict[str, Any]:
    if len({*sides}) > 1 or len({*layer.strides}) > 1 or layer.padding not in ("same", "valid"):
        raise ValueError(f"{layer.name!r} has no square window, or another padding than 'same' and 'valid'.")
    return {"side": sides[0], "stride": layer.strides[0], "padding": layer.padding}


if __name__ == "__main__":
    write_live_files(Path(sys.argv[1]))
