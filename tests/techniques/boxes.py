"""What the tests of receptive fields share: small networks, and the box around what a gradient reaches."""

import numpy as np

from coursekit import receptive_field
from coursekit.networks.backend import keras, tf
from coursekit.networks.graph import call_layer, steps

L = keras.layers


def sequential(*layers, size=(9, 9)):
    return keras.Sequential([keras.Input((*size, 3)), *layers])


def last(model, **arguments):
    return receptive_field(model, steps(model)[-1].name, **arguments)


def network(function, size=(16, 16)):
    picture = keras.Input((*size, 3), name="picture")
    return keras.Model(picture, function(picture))


def positive(step, args, kwargs):
    layer = step.operation
    for weight in getattr(layer, "weights", []):
        weight.assign(tf.abs(weight) + 0.1)
    if isinstance(layer, L.MaxPooling2D):
        layer = L.AveragePooling2D(layer.pool_size, layer.strides, layer.padding)
    elif isinstance(layer, L.GlobalMaxPooling2D):
        layer = L.GlobalAveragePooling2D(keepdims=layer.keepdims)
    elif isinstance(layer, (L.ReLU, L.Activation)):
        return args[0]
    elif isinstance(layer, L.Softmax):
        return tf.reduce_sum(args[0], -1, keepdims=True)
    return call_layer(step, args, kwargs) if layer is step.operation else layer(*args, **kwargs)


def box_around(seen):
    """(..., H, W) booleans to (..., 4): top, left, bottom, right."""
    rows, columns = seen.any(axis=-1), seen.any(axis=-2)
    ends = [rows.argmax(-1), columns.argmax(-1)]
    ends += [np.where(a.any(-1), a.shape[-1] - a[..., ::-1].argmax(-1), 0) for a in (rows, columns)]
    return np.stack(ends, axis=-1)
