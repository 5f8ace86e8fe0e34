"""The small network that paints a picture in one style, and the files that hold its weights."""

from __future__ import annotations

import zipfile
from pathlib import Path
from typing import Any

import numpy as np

from coursekit.files import writing
from coursekit.networks.backend import keras, tf

REDUCED = 4  # the network halves a picture's sides twice
_FILTERS = (32, 48)
_MOST_BYTES = 2**26  # that a file may unpack to; a training that was broken off takes 3 million


@keras.saving.register_keras_serializable("coursekit")
class DepthToSpace(keras.layers.Layer):
    """Four channels of one place become one channel of four places: maps twice as high and wide.

    Paper: Shi et al., "Real-time single image and video super-resolution using an efficient sub-pixel convolutional
    neural network", CVPR 2016, arXiv:1609.05158.
    """

    def call(self, maps: Any) -> Any:
        """Return (N, 2 H, 2 W, C / 4)."""
        return tf.nn.depth_to_space(maps, 2)


class _AllFourAlike(keras.initializers.Initializer):
    """Kernels that begin with the same answer in all four places of ``DepthToSpace``: no checkerboard to unlearn.

    Paper: Aitken et al., "Checkerboard artifact free sub-pixel convolution", 2017, arXiv:1707.02937.
    """

    def __init__(self, seed: int) -> None:
        self.seed = seed

    def __call__(self, shape: tuple, dtype: Any = None) -> Any:
        kernel = keras.initializers.GlorotUniform(self.seed)((*shape[:3], shape[3] // 4), dtype)
        return tf.tile(kernel, (1, 1, 1, 4))


def style_network(seed: int = 0) -> Any:
    """Return an untrained network that takes pictures (N, H, W, 3) and gives others of that size, both 0-255.

    H and W are multiples of 4, as pictures are halved twice on the way.

    Paper: Johnson, Alahi and Fei-Fei, "Perceptual losses for real-time style transfer and super-resolution", ECCV 2016,
    arXiv:1603.08155. Here it has half as many channels or fewer, and three residual blocks instead of five. No layer
    works in the full size of the picture, which took most of the time of a training: the first one halves it, and the
    last ones compute four pixels in each place instead of being transposed convolutions.

    Args:
        seed: Fixes the weights.
    """
    layers = keras.layers
    seeds = iter(np.random.default_rng(seed).integers(0, 2**31, 99).tolist())

    def normalized(x: Any, name: str) -> Any:
        # Each channel of each picture by itself, so that the photo's own contrast does not matter (arXiv:1607.08022).
        return layers.GroupNormalization(groups=-1, epsilon=1e-5, name=f"{name}-norm")(x)

    def convolution(x: Any, name: str, filters: int, size: int = 3, stride: int = 1, relu: bool = True) -> Any:
        kernel = keras.initializers.GlorotUniform(next(seeds))
        x = layers.Conv2D(filters, size, stride, "same", use_bias=False, kernel_initializer=kernel, name=name)(x)
        x = normalized(x, name)
        return layers.ReLU(name=f"{name}-relu")(x) if relu else x

    def enlarged(x: Any, name: str, filters: int, size: int, **how: Any) -> Any:
        kernel = _AllFourAlike(next(seeds))
        x = layers.Conv2D(4 * filters, size, padding="same", kernel_initializer=kernel, name=name, **how)(x)
        return DepthToSpace(name=f"{name}-twice")(x)

    picture = keras.Input((None, None, 3), name="picture")
    scaled = layers.Rescaling(1 / 127.5, offset=-1, name="data")(picture)
    x = convolution(scaled, "down1", _FILTERS[0], 7, 2)
    x = convolution(x, "down2", _FILTERS[1], 3, 2)
    for block in ("block1", "block2", "block3"):
        y = convolution(x, f"{block}-conv1", _FILTERS[1])
        y = convolution(y, f"{block}-conv2", _FILTERS[1], relu=False)
        x = layers.Add(name=f"{block}-add")([x, y])
    x = enlarged(x, "up1", _FILTERS[0], 3, use_bias=False)
    x = layers.ReLU(name="up1-relu")(normalized(x, "up1"))
    x = layers.AveragePooling2D(2, 1, "same", name="smooth")(enlarged(x, "up2", 3, 5))
    x = layers.Rescaling(0.1, name="change")(x)  # small at first: the training begins with the photo as it is
    x = layers.Add(name="changed")([scaled, x])
    x = layers.Activation("tanh", name="squashed")(x)
    # A little beyond black and white, since tanh reaches its ends nowhere.
    return keras.Model(picture, layers.Rescaling(150.0, offset=127.5, name="painted")(x), name="stylizer")


def weight_names(network: Any) -> list[str]:
    """Return "layer/kind" for each of a network's weights, in Keras' order."""
    return [weight.path.rpartition("/")[0].rpartition("/")[2] + "/" + weight.name for weight in network.weights]


def write_arrays(path: Path, arrays: dict[str, np.ndarray]) -> None:
    """Write arrays by name into a .npz, whole or not at all."""
    with writing(path) as file:
        np.savez(file, **arrays)


def read_arrays(path: Path) -> dict[str, np.ndarray]:
    """Return the arrays of a .npz by name. No code in it can run: nothing is unpickled.

    Raises:
        FileNotFoundError: There is no such file.
        ValueError: It is no .npz of arrays, is damaged, or is far larger than a style's.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            unpacked = sum(member.file_size for member in archive.infolist())
        if unpacked > _MOST_BYTES:
            raise ValueError(f"{path.name} would unpack to {unpacked / 1e6:.0f} MB: it holds no style.")
        with np.load(path, allow_pickle=False) as stored:
            return {name: stored[name] for name in stored.files}
    except (zipfile.BadZipFile, EOFError, KeyError, OSError, ValueError) as error:
        if isinstance(error, FileNotFoundError) or "would unpack" in str(error):
            raise
        raise ValueError(f"{path.name} holds no style that can be read: it is damaged, or another file.") from error


def set_weights(network: Any, arrays: dict[str, np.ndarray], name: str) -> None:
    """Set a style network's weights from arrays by name.

    Raises:
        ValueError: One is missing, has another shape, or is not finite.
    """
    weights = []
    for key, weight in zip(weight_names(network), network.weights, strict=True):
        values = arrays.get(f"weights/{key}")
        if values is None or values.shape != tuple(weight.shape) or not np.issubdtype(values.dtype, np.floating):
            raise ValueError(f"{name} holds no style: {key} should be of shape {tuple(weight.shape)}.")
        if not np.isfinite(values).all():
            raise ValueError(f"{name} holds a style that is damaged: {key} is not finite.")
        weights.append(values.astype(np.float32))
    network.set_weights(weights)
