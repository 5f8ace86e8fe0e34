"""Gradients with another rule for the rectifiers: guided backpropagation, and the deconvolutional network."""

from __future__ import annotations

from typing import Any

import numpy as np

from coursekit.networks.gradients import deconvolved, guided
from coursekit.techniques.targets import pixel_gradient


def guided_backprop(model: Any, images: Any, target: Any, batch_size: int = 32) -> np.ndarray | list[np.ndarray]:
    """Return a gradient in which, at every rectifier, only what is positive passes back: guided backpropagation.

    On the way back a ReLU's own gradient is cut off where its input was negative. Here it is cut off, too, where what
    comes back is negative: only what raises the target through ever more activation is left. The maps show fine
    outlines, but they are no gradient of anything, and for classes they hardly depend on the class.

    Every rectifier is treated alike: ``ReLU`` layers, ``activation="relu"`` and ``Activation`` layers, also in nested
    models, ReLUs that are cut off above (ReLU6) or have a threshold, and leaky ones (LeakyReLU, PReLU). Each keeps its
    own gradient: ReLU6 lets back nothing where it is at 6, a leaky one a part where its input was negative. Smooth
    nonlinearities (sigmoid, SiLU, GELU, ELU) are no rectifiers and keep their gradient, and so do rectifiers hidden in
    a layer's own code or written by hand, as ``maximum(x, 0)``. The model itself is left as it is.

    Paper: Springenberg, Dosovitskiy, Brox and Riedmiller, "Striving for Simplicity: The All Convolutional Net", ICLR
    2015 workshop, arXiv:1412.6806. That such maps survive random weights: Adebayo et al., "Sanity Checks for Saliency
    Maps", NeurIPS 2018, arXiv:1810.03292.

    Args:
        model: A Keras model, with one input or several.
        images: As for ``saliency``.
        target: As for ``saliency``: a class, an objective such as ``neuron(model, layer, index)``, None for the top
            class, or a list of them.
        batch_size: Pictures computed at a time.

    Returns:
        float32, signed, of the shape of ``images``, as ``saliency`` gives it.

    Raises:
        TypeError, ValueError: As ``saliency``.

    Example:
        >>> import numpy as np
        >>> from coursekit import guided_backprop, photo, saliency, squeezenet
        >>> network, picture = squeezenet(), photo("chelsea", 227)
        >>> for method in (saliency, guided_backprop):  # are the maps of two classes alike?
        ...     tabby, goose = method(network, picture, ["tabby", "goose"])
        ...     print(bool(np.corrcoef(tabby.ravel(), goose.ravel())[0, 1] > 0.9))
        False
        True
    """
    return pixel_gradient(model, images, target, batch_size, "guided backprop", guided)


def deconvnet(model: Any, images: Any, target: Any, batch_size: int = 32) -> np.ndarray | list[np.ndarray]:
    """Return what a deconvolutional network makes of a target: its way back to the picture.

    As in ``guided_backprop``, what comes back at a rectifier passes where it is positive. But here nothing else
    counts: whether the rectifier was open on the way there plays no part. So only the switches of the max poolings
    (which place had the maximum) tell this picture from another; without poolings, all pictures get the same map.

    Rectifiers are those of ``guided_backprop``, and all of them are treated in this same way, also where they are cut
    off above (ReLU6) or leaky. All else, such as convolutions and poolings, has its usual gradient. The model itself
    is left as it is.

    Paper: Zeiler and Fergus, "Visualizing and Understanding Convolutional Networks", ECCV 2014, arXiv:1311.2901. There
    the way back begins with one activation and its size; here with 1, so that the maps of different units compare.

    Args:
        model: A Keras model, with one input or several.
        images: As for ``saliency``.
        target: As for ``saliency``: a class, an objective such as ``neuron(model, layer, index)``, None for the top
            class, or a list of them.
        batch_size: Pictures computed at a time.

    Returns:
        float32, signed, of the shape of ``images``, as ``saliency`` gives it.

    Raises:
        TypeError, ValueError: As ``saliency``.

    Example:
        >>> from coursekit import deconvnet, neuron, photo, squeezenet
        >>> network, picture = squeezenet(), photo("astronaut", 227)
        >>> eye = neuron(network, "fire6-squeeze1x1", 13, (4, 6))
        >>> deconvnet(network, picture, eye).shape
        (227, 227, 3)
    """
    return pixel_gradient(model, images, target, batch_size, "deconvnet", deconvolved)
