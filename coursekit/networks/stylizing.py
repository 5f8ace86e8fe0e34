"""The small network that paints a picture in one style, and the files that hold its weights."""

from __future__ import annotations

import zipfile
from pathlib import Path
from typing import Any

import numpy as np

from coursekit.files import writing
from coursekit.networks.backend import keras, tf

REDUCED = 4  # the network halves a picture's sides twice
_FILTERS = (16, 32, 48)
_MOST_BYTES = 2**26  # that a file may unpack to; a training that was broken off takes 3 million


@keras.saving.register_keras_serializable("coursekit")
class InstanceNormalization(keras.layers.Layer):
    """Each channel of each picture brought to mean 0 and deviation 1, then to a learnt deviation and mean.

    How strong the contrast of the photo is does not matter behind it: a painting has its own.

    Paper: Ulyanov, Vedaldi and Lempitsky, "Instance normalization: the missing ingredient for fast stylization", 2016,
    arXiv:1607.08022.
    """

    def build(self, shape: tuple) -> None:
        """Make the two numbers of each channel."""
        self.gamma = self.add_weight(shape=(shape[-1],), initializer="ones", name="gamma")
        self.beta = self.add_weight(shape=(shape[-1],), initializer="zeros", name="beta")

    def call(self, maps: Any) -> Any:
        """Return (N, H, W, C), normalised over H and W."""
        mean = tf.reduce_mean(maps, (1, 2), keepdims=True)
        away = maps - mean
        variance = tf.reduce_mean(tf.square(away), (1, 2), keepdims=True)
        return away * (self.gamma * tf.math.rsqrt(variance + 1e-5)) + self.beta


def style_network(seed: int = 0) -> Any:
    """Return an untrained network that takes pictures (N, H, W, 3) and gives others of that size, both 0-255.

    H and W are multiples of 4, as pictures are halved twice on the way. 167,000 weights.

    Paper: Johnson, Alahi and Fei-Fei, "Perceptual losses for real-time style transfer and super-resolution", ECCV 2016,
    arXiv:1603.08155. Here it has half as many channels or fewer, and three residual blocks instead of five; pictures
    are enlarged by repeating pixels instead of transposed convolutions, which leave checkerboards.

    Args:
        seed: Fixes the weights.
    """
    layers = keras.layers
    seeds = iter(np.random.default_rng(seed).integers(0, 2**31, 99).tolist())

    def convolution(x: Any, name: str, filters: int, size: int = 3, stride: int = 1, relu: bool = True) -> Any:
        kernel = keras.initializers.GlorotUniform(next(seeds))
        x = layers.Conv2D(filters, size, stride, "same", use_bias=False, kernel_initializer=kernel, name=name)(x)
        x = InstanceNormalization(name=f"{name}-norm")(x)
        return layers.ReLU(name=f"{name}-relu")(x) if relu else x

    picture = keras.Input((None, None, 3), name="picture")
    x = layers.Rescaling(1 / 127.5, offset=-1, name="data")(picture)
    x = convolution(x, "conv1", _FILTERS[0], 7)
    x = convolution(x, "down1", _FILTERS[1], stride=2)
    x = convolution(x, "down2", _FILTERS[2], stride=2)
    for block in ("block1", "block2", "block3"):
        y = convolution(x, f"{block}-conv1", _FILTERS[2])
        y = convolution(y, f"{block}-conv2", _FILTERS[2], relu=False)
        x = layers.Add(name=f"{block}-add")([x, y])
    x = convolution(layers.UpSampling2D(2, name="enlarge1")(x), "up1", _FILTERS[1])
    x = convolution(layers.UpSampling2D(2, name="enlarge2")(x), "up2", _FILTERS[0])
    kernel = keras.initializers.GlorotUniform(next(seeds))
    x = layers.Conv2D(3, 7, padding="same", kernel_initializer=kernel, activation="tanh", name="conv2")(x)
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
