"""Which of Keras' layers are convolutions, poolings and so on, and what an operation is called."""

from __future__ import annotations

import re
from typing import Any

from coursekit.networks.backend import keras

_layers = keras.layers

CONVOLUTIONS = (_layers.Conv1D, _layers.Conv2D, _layers.Conv3D)
TRANSPOSED = (_layers.Conv1DTranspose, _layers.Conv2DTranspose, _layers.Conv3DTranspose)
DEPTHWISE = (_layers.DepthwiseConv1D, _layers.DepthwiseConv2D)
SEPARABLE = (_layers.SeparableConv1D, _layers.SeparableConv2D)
CONVOLUTIONS_OF_ANY_KIND = (*CONVOLUTIONS, *TRANSPOSED, *DEPTHWISE, *SEPARABLE)
WITH_KERNELS_2D = (_layers.Conv2D, _layers.DepthwiseConv2D, _layers.SeparableConv2D, _layers.Conv2DTranspose)
RECURRENT = (_layers.SimpleRNN, _layers.GRU, _layers.LSTM)
MAX_POOLINGS = (_layers.MaxPooling1D, _layers.MaxPooling2D, _layers.MaxPooling3D)
POOLINGS = (*MAX_POOLINGS, _layers.AveragePooling1D, _layers.AveragePooling2D, _layers.AveragePooling3D)
POOLINGS_2D = (_layers.MaxPooling2D, _layers.AveragePooling2D)
GLOBAL_MAX = (_layers.GlobalMaxPooling1D, _layers.GlobalMaxPooling2D, _layers.GlobalMaxPooling3D)
GLOBAL_AVERAGE = (_layers.GlobalAveragePooling1D, _layers.GlobalAveragePooling2D, _layers.GlobalAveragePooling3D)
GLOBAL_POOLINGS = (*GLOBAL_MAX, *GLOBAL_AVERAGE)
PADDINGS = (_layers.ZeroPadding1D, _layers.ZeroPadding2D, _layers.ZeroPadding3D)
PADDINGS += (_layers.Cropping1D, _layers.Cropping2D, _layers.Cropping3D)
UPSAMPLINGS = (_layers.UpSampling1D, _layers.UpSampling2D, _layers.UpSampling3D)
DROPOUTS = (_layers.Dropout, _layers.AlphaDropout, _layers.GaussianDropout)  # SpatialDropout is a Dropout
NOISES = (*DROPOUTS, _layers.GaussianNoise)
RESHAPING = (_layers.Flatten, _layers.Reshape, _layers.Permute)
SUMMING = (_layers.Add, _layers.Subtract, _layers.Multiply, _layers.Average, _layers.Maximum, _layers.Minimum)
KEEPS_SIGNS = (_layers.Concatenate, _layers.Add, _layers.Average, _layers.Maximum, _layers.Minimum, _layers.Multiply)
WITH_ACTIVATION = (*CONVOLUTIONS_OF_ANY_KIND, _layers.Dense, _layers.EinsumDense)
"""Layers that can have an activation folded in as their last step."""
POINTWISE = (  # each number from the one at its own place, in inference mode
    *(_layers.ReLU, _layers.LeakyReLU, _layers.PReLU, _layers.ELU, _layers.BatchNormalization, _layers.Normalization),
    *(_layers.Rescaling, _layers.Identity, _layers.ActivityRegularization, *NOISES),
)


def type_name(operation: Any) -> str:
    """Return what an operation is called: a layer by its class, others as in ``keras.ops``: ``true_divide``."""
    name = type(operation).__name__.lstrip("_")
    if isinstance(operation, _layers.Layer):
        return name
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", name).lower()  # TrueDivide -> true_divide


def function_name(operation: Any) -> str:
    """Return the name of the activation function that an operation is or ends with, "linear" if there is none."""
    if isinstance(operation, _layers.ReLU):
        return "leaky_relu" if operation.negative_slope else "relu" if operation.max_value is None else "relu6"
    for layer, name in (
        (_layers.Softmax, "softmax"),
        (_layers.LeakyReLU, "leaky_relu"),
        (_layers.PReLU, "prelu"),
        (_layers.ELU, "elu"),
    ):
        if isinstance(operation, layer):
            return name
    if not isinstance(operation, _layers.Layer):
        return type_name(operation) if hasattr(keras.activations, type_name(operation)) else "linear"
    folded = getattr(operation, "activation", None)
    if folded is None:
        return "linear"
    return getattr(folded, "__name__", None) or function_name(folded)


def computes_as(operation: Any, classes: Any) -> bool:
    """Say whether an operation is of these classes of Keras and computes as they do."""
    own = [cls for cls in type(operation).__mro__ if not cls.__module__.startswith("keras.")]
    changed = any({"call", "__call__", "convolution_op"} & vars(cls).keys() for cls in own if cls is not object)
    return isinstance(operation, classes) and not changed


def operation_name(operation: Any) -> str:
    """Return the name of an operation that is no layer, such as ``GetItem``; of a layer nothing."""
    return "" if isinstance(operation, _layers.Layer) else type(operation).__name__
