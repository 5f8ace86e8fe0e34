"""What the cells of the table share: to compare numbers, and what plain Keras gives."""

import numpy as np

from coursekit.networks.backend import keras, tf

CELLS = {}


def cell(function):
    CELLS[function.__name__] = function
    return function


def same(a, b):
    keras.tree.assert_same_structure(a, b)
    return all(map(equal, keras.tree.flatten(a), keras.tree.flatten(b)))


def equal(a, b):
    a, b = np.asarray(a), np.asarray(b)
    return np.array_equal(a, b, equal_nan=a.dtype.kind == "f" and b.dtype.kind == "f")


def twice(function):
    first, second = function(), function()
    assert same(first, second)
    return first


def close(net, found, expected, dtype=np.float32):
    found, expected = np.asarray(found), np.asarray(expected, np.float32)
    assert found.dtype == dtype
    assert found.shape == expected.shape
    both_nan = np.isnan(found) & np.isnan(expected)
    scale = np.abs(expected[np.isfinite(expected)]).max(initial=1e-3)
    np.testing.assert_allclose(found[~both_nan], expected[~both_nan], rtol=net.atol, atol=net.atol * scale)


def one(net):
    return keras.tree.map_structure(lambda batch: batch[0], net.pictures)


def floats(net, key):
    """Return what plain Keras gives, as float32."""
    if not hasattr(net, "computed"):
        computed = net.plain(net.given(), training=False)
        net.computed = keras.tree.map_structure(lambda x: np.asarray(keras.ops.cast(x, "float32")), computed)
    return net.computed[key]


def gradients(net, picks, values):
    """Return the gradient of each pick of the maps or scores with respect to the (first) picture, by plain Keras."""
    x = tf.constant(values, net.plain.inputs[0].dtype)
    with tf.GradientTape(persistent=True) as tape:
        tape.watch(x)
        others = keras.tree.map_structure(lambda batch: np.resize(batch, (len(x), *batch.shape[1:])), net.pictures)
        if isinstance(others, np.ndarray):
            given = x
        elif isinstance(others, list):
            given = [x, *others[1:]]
        else:
            given = {**others, net.first_input: x}
        found = net.plain(net.given(given), training=False)
        picked = [tf.reduce_sum(tf.cast(pick(found), tf.float32)) for pick in picks]
    return [
        np.asarray(tf.cast(tape.gradient(number, x, unconnected_gradients="zero"), tf.float32)) for number in picked
    ]


def support(gradient):
    """Return the box around everything that is not zero."""
    rows, columns = (np.flatnonzero(np.abs(gradient).sum(axis)) for axis in ((0, 2, 3), (0, 1, 3)))
    return (rows[0], columns[0], rows[-1] + 1, columns[-1] + 1) if len(rows) else (0, 0, 0, 0)
