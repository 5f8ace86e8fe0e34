"""What keeps an optimised picture from being noise: penalties on the picture, and shaking it.

Penalties take pictures (N, H, W, C), values 0-255, as tensors and give float32 (N,), 0 or more. Their units are such
that none depends on the size of the picture.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from coursekit.networks.backend import tf

_GREY = 127.5


def l2(pictures: Any) -> Any:
    """Return the mean squared distance of a picture's values from mid-grey, black and white being 1 away.

    Simonyan, Vedaldi and Zisserman, "Deep inside convolutional networks", 2013, arXiv:1312.6034. They take the sum,
    and the distance from the mean colour of ImageNet.
    """
    return tf.reduce_mean(tf.square((pictures - _GREY) / _GREY), (1, 2, 3))


def total_variation(pictures: Any) -> Any:
    """Return the mean absolute difference of neighbouring values, to the right and below, black to white being 2.

    Rudin, Osher and Fatemi 1992; for networks Mahendran and Vedaldi 2015, arXiv:1412.0035, with other powers.
    """
    values = tf.cast(tf.reduce_prod(tf.shape(pictures)[1:]), tf.float32)
    return tf.image.total_variation(pictures / _GREY) / values


def blur(pictures: Any) -> Any:
    """Return the mean squared difference between a picture and its blurred copy (Gaussian, sigma 1 pixel).

    What a blur would take away is fine detail, so this penalty does to the picture what Yosinski et al. 2015
    (arXiv:1506.06579) do by blurring it again and again, and works with any parametrization.
    """
    channels = pictures.shape[3]
    bell = np.exp(-0.5 * np.arange(-3, 4) ** 2)
    kernel = np.repeat((np.outer(bell, bell) / bell.sum() ** 2)[..., np.newaxis, np.newaxis], channels, axis=2)
    wide = tf.pad(pictures, [[0, 0], [3, 3], [3, 3], [0, 0]], mode="SYMMETRIC")
    blurred = tf.nn.depthwise_conv2d(wide, tf.constant(kernel, tf.float32), [1, 1, 1, 1], "VALID")
    return tf.reduce_mean(tf.square((pictures - blurred) / _GREY), (1, 2, 3))


PENALTIES = {"l2": l2, "total_variation": total_variation, "blur": blur}


def random_view(random: np.random.Generator, canvas: tuple, size: tuple, scale: float, rotate: float) -> np.ndarray:
    """Draw how the network is to see the canvas this time: where, how large, and how much turned.

    Args:
        random: The generator.
        canvas: Height and width of the canvas, at least those of the view.
        size: Height and width of the view.
        scale: Largest share by which it is shrunk or enlarged, such as 0.1.
        rotate: Largest angle in degrees.

    Returns:
        float32 (8,), for ``view``: the projective transform, in TensorFlow's order, that leads from a pixel of the
        view to one of the canvas. Without scale and rotation a whole number of pixels.
    """
    (tall, wide), (height, width) = canvas, size
    top, left = random.integers(0, tall - height + 1), random.integers(0, wide - width + 1)
    if not scale and not rotate:
        return np.array([1, 0, left, 0, 1, top, 0, 0], np.float32)
    factor = (1 + scale) ** random.uniform(-1, 1)
    angle = np.deg2rad(random.uniform(-rotate, rotate))
    turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]]) / factor
    middle = np.array([(width - 1) / 2, (height - 1) / 2])
    x, y = np.array([left, top]) + middle - turn @ middle
    return np.array([*turn[0], x, *turn[1], y, 0, 0], np.float32)


def view(pictures: Any, how: Any, size: tuple[int, int]) -> Any:
    """Return pictures as the network is to see them this time.

    Args:
        pictures: (N, H, W, C), as a tensor: the canvas.
        how: What ``random_view`` drew, as a tensor.
        size: Height and width of the view.

    Returns:
        (N, height, width, C). A view that is only shifted is cut out, which is exact and costs nothing; others are
        interpolated bilinearly, mirrored beyond the borders of the canvas. Their gradient is that of the resampled
        picture, not of the pixels: exact for smooth pictures, within a few per cent for noise.
    """
    only_shifted = tf.reduce_all(tf.equal(tf.gather(how, [0, 1, 3, 4]), [1.0, 0.0, 0.0, 1.0]))
    x, y = tf.cast(how[2], tf.int32), tf.cast(how[5], tf.int32)
    seen = tf.cond(
        only_shifted,
        lambda: tf.slice(pictures, [0, y, x, 0], [-1, *size, -1]),  # its gradient is quick, unlike that of [:, y:...]
        lambda: _resampled(pictures, how, size),
    )
    return tf.ensure_shape(seen, [None, *size, pictures.shape[3]])


def _resampled(pictures: Any, how: Any, size: tuple[int, int]) -> Any:
    def resample(images: Any, transform: Any, size: Any, beyond: str) -> Any:
        return tf.raw_ops.ImageProjectiveTransformV3(
            images=images,
            transforms=tf.reshape(transform, [1, -1])[:, :8],
            output_shape=size,
            fill_value=0.0,
            interpolation="BILINEAR",
            fill_mode=beyond,
        )

    @tf.custom_gradient
    def forward(pictures: Any) -> tuple[Any, Any]:
        def backward(upstream: Any) -> Any:
            # TensorFlow's own gradient leaves out the change of area, and mirrors what lies outside of the view.
            matrix = tf.reshape(tf.concat([how, [1.0]], 0), [3, 3])
            turned_back = resample(upstream, tf.linalg.inv(matrix), tf.shape(pictures)[1:3], "CONSTANT")
            return turned_back / tf.linalg.det(matrix)

        return resample(pictures, how, size, "REFLECT"), backward

    return forward(pictures)
