"""Which pixels a number in the network depends on: its gradient with respect to the picture."""

from __future__ import annotations

from typing import Any

import numpy as np

from coursekit.techniques.targets import pixel_gradient


def saliency(model: Any, images: Any, target: Any, batch_size: int = 32) -> np.ndarray | list[np.ndarray]:
    """Return how an objective changes with each pixel and colour of a picture: its gradient, with its sign.

    Where it is positive, a brighter pixel raises the objective; where it is negative, a darker one does. It tells of
    small changes only, and of this picture: what the network would answer if a pixel were quite different is another
    question.

    The gradient is compiled on the first call for the same model and layers and kept; the next call costs one pass
    there and back, whichever class, channel or position it is.

    Paper: Simonyan, Vedaldi and Zisserman, "Deep Inside Convolutional Networks: Visualising Image Classification Models
    and Saliency Maps", ICLR 2014 workshop, arXiv:1312.6034. There a map is the largest absolute value of the colours.

    Args:
        model: A Keras model, with one input or several.
        images: (H, W, C) or (N, H, W, C), in the size and range that the model takes; several inputs as in
            ``activations``.
        target: What is to be explained: a class, by index from 0 or by its ImageNet name; an objective of this
            model: ``channel(model, layer, index)``, ``neuron``, ``direction``, ``class_score``, or a sum of them; None
            for the top class of each picture. One for all pictures, or a list with one for each. For a picture that
            came alone a list may hold any number, and the result has an axis for them.
        batch_size: Pictures computed at a time.

    Returns:
        float32, of the shape of ``images``: the change of the objective for each unit of brightness. Without the N for
        a picture that came alone. For several inputs a list with one such array for each, zero where the objective does
        not depend on it.

    Raises:
        TypeError: ``model`` is no Keras model with a graph, ``images`` holds no numbers, or ``target`` is none.
        ValueError: There is no such class, an objective reads another model, there are several targets but not one for
            each picture, the pictures do not fit, the network takes whole numbers, or no gradient leads back to them.

    Example:
        >>> from coursekit import class_score, photo, saliency, squeezenet
        >>> network, picture = squeezenet(), photo("chelsea", 227)
        >>> gradient = saliency(network, picture, "tabby")
        >>> gradient.shape
        (227, 227, 3)
        >>> tabby, step = class_score(network, "tabby"), 100 * gradient  # uphill
        >>> bool(tabby(picture + step) > tabby(picture))
        True
    """
    return pixel_gradient(model, images, target, batch_size, "saliency")
