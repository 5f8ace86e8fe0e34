"""What is varied when a picture is optimised: its pixels, or its waves.

A parametrization turns an array of parameters into pictures and back. The gradient flows through it, so it decides
which pictures are near one another: among pixels, noise is always the nearest; among waves, with the long ones larger
as in photographs, it is shapes. It changes the way, not the goal: every picture can be had either way.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy.fft import next_fast_len

from coursekit.networks.backend import tf

# How red, green and blue go together in ImageNet's photos: the root of their covariance, from lucid (Olah et al. 2017).
_COLOURS = np.array([[0.26, 0.09, 0.02], [0.27, 0.00, -0.05], [0.27, -0.09, 0.03]], np.float32)
_COLOURS /= np.linalg.norm(_COLOURS, axis=0).max()


@dataclass(frozen=True)
class Parametrization:
    """A way to write pictures of one size as parameters.

    Attributes:
        name: What it is called.
        shape: (H, W, C) of the pictures.
        noise: A random generator -> parameters (1, ...) of a nearly grey picture.
        parameters: Pictures (N, H, W, C), values 0-255 -> their parameters (N, ...), NumPy.
        pictures: Parameters, as a tensor -> pictures (N, H, W, C), values 0-255, as a tensor.
        legal: Parameters, as a tensor -> the nearest ones whose pictures have values 0-255.
        learning_rate: A good length for Adam's steps.
    """

    name: str
    shape: tuple[int, int, int]
    noise: Callable[[np.random.Generator], np.ndarray]
    parameters: Callable[[np.ndarray], np.ndarray]
    pictures: Callable[[Any], Any]
    legal: Callable[[Any], Any]
    learning_rate: float


def one_sweep(function: Callable, height: int, width: int) -> Callable:
    """Return a function of tensors as large as pictures, compiled such that it goes through the memory only once.

    XLA takes 0.2 s to compile one; in small pictures that is never won back.
    """
    return tf.function(function, jit_compile=height * width > 64 * 64)


@functools.lru_cache(maxsize=16)  # what is compiled lives in it
def pixels(height: int, width: int, channels: int = 3) -> Parametrization:
    """Return pictures as they are: one parameter for each value of each pixel, kept within 0-255.

    Args:
        height: Pixels.
        width: Pixels.
        channels: 3 for colour, 1 for grey.
    """

    def noise(random: np.random.Generator) -> np.ndarray:
        return random.normal(127.5, 10, (1, height, width, channels)).clip(0, 255).astype(np.float32)

    return Parametrization(
        "pixels",
        (height, width, channels),
        noise,
        lambda pictures: pictures.astype(np.float32).clip(0, 255),
        lambda parameters: parameters,
        lambda parameters: tf.clip_by_value(parameters, 0.0, 255.0),
        learning_rate=2.0,
    )


@functools.lru_cache(maxsize=16)
def fourier(height: int, width: int, channels: int = 3) -> Parametrization:
    """Return pictures as waves, of colours that vary independently in photos, squeezed into 0-255 by a sigmoid.

    The amplitude of a wave counts with its length (1 / frequency), as in photographs: the same step in every parameter
    changes broad shapes more than fine grain. Olah, Mordvintsev and Schubert, "Feature visualization", Distill 2017,
    doi 10.23915/distill.00007. As in lucid, whose colour table this is; other than there, the picture is cut from a
    canvas whose sides are products of 2, 3 and 5, for which the transform is quick, and its gradient is written out.

    Args:
        height: Pixels.
        width: Pixels.
        channels: 3 for colour, 1 for grey.
    """
    tall, wide = _fast(height), _fast(width)
    top, left = (tall - height) // 2, (wide - width) // 2
    borders = ((top, tall - height - top), (left, wide - width - left), (0, 0))
    frequency = np.hypot(np.fft.fftfreq(tall)[:, np.newaxis], np.fft.rfftfreq(wide)[np.newaxis])
    # The longest wave and the mean count as one another. The factor keeps a parameter's effect independent of the size.
    amplitude = (np.sqrt(tall * wide) / 4 / np.maximum(frequency, 1 / max(tall, wide))).astype(np.float32)
    mix = _COLOURS.T if channels == 3 else np.eye(channels, dtype=np.float32)

    def noise(random: np.random.Generator) -> np.ndarray:
        return random.normal(0, 0.01, (1, channels, *amplitude.shape, 2)).astype(np.float32)

    def parameters(pictures: np.ndarray) -> np.ndarray:
        share = np.clip(pictures / 255, 0.01, 0.99)  # pure black and white lie infinitely far out
        colours = np.pad(np.log(share / (1 - share)), ((0, 0), *borders), mode="symmetric") @ np.linalg.inv(mix)
        waves = np.fft.rfft2(colours.transpose(0, 3, 1, 2)) / amplitude
        return np.stack([waves.real, waves.imag], -1).astype(np.float32)

    # Real and imaginary part each have their factor written out: stretched along the last axis it takes much longer.
    factor = np.repeat(amplitude[..., np.newaxis], 2, axis=-1)
    # Every wave but those of the first and last column stands for two, itself and its mirror image.
    times = np.full((wide // 2 + 1, 1), 2 / (tall * wide), np.float32)
    times[[0, -1]] /= 2

    def colours(planes: Any) -> Any:
        """Cut the picture out of the canvas (N, C, tall, wide), mix its colours and squeeze them into 0-255."""
        values = tf.transpose(planes[:, :, top : top + height, left : left + width], [0, 2, 3, 1])
        return 255 * tf.sigmoid(tf.reshape(tf.matmul(tf.reshape(values, [-1, channels]), mix), tf.shape(values)))

    def colours_back(pictures: Any, upstream: Any) -> Any:
        slopes = tf.reshape(upstream * pictures * (1 - pictures / 255), [-1, channels])
        values = tf.reshape(tf.matmul(slopes, mix, transpose_b=True), tf.shape(pictures))
        return tf.pad(tf.transpose(values, [0, 3, 1, 2]), [[0, 0], [0, 0], *borders[:2]])

    # Otherwise the transposition alone costs as much as the Fourier transform.
    colours, colours_back = one_sweep(colours, height, width), one_sweep(colours_back, height, width)

    @tf.custom_gradient
    def pictures(parameters: Any) -> tuple[Any, Callable]:
        drawn = colours(tf.signal.irfft2d(tf.bitcast(parameters * factor, tf.complex64), [tall, wide]))

        def backward(upstream: Any) -> Any:
            # Written out: TensorFlow's own gradient of the transform costs three times as much.
            waves = tf.signal.rfft2d(colours_back(drawn, upstream))
            return tf.bitcast(waves, tf.float32) * (factor * times)

        return drawn, backward

    return Parametrization(
        "fourier",
        (height, width, channels),
        noise,
        parameters,
        pictures,
        lambda parameters: parameters,
        learning_rate=0.05,
    )


PARAMETRIZATIONS = {"fourier": fourier, "pixels": pixels}


def _fast(length: int) -> int:
    """Return the next even length for which the Fourier transform is quick."""
    length = next_fast_len(length, real=True)
    while length % 2:
        length = next_fast_len(length + 1, real=True)
    return length
