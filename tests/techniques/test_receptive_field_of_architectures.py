"""Receptive fields of the architectures of keras.applications."""

import functools
import inspect
import os

import numpy as np
import pytest

from coursekit.networks.backend import keras, tf
from coursekit.networks.graph import run, steps
from coursekit.techniques.receptive_field import receptive_fields
from tests.techniques.boxes import box_around, positive

L = keras.layers


# The architectures of keras.applications. What is tested is where they look, which does not depend on how wide they
# are: so each tensor gets one channel and each weight is one. What TensorFlow's own gradients of the convolutions and
# poolings say is then compared, by their support. Nothing overflows or vanishes on the way: forwards all numbers are
# made one, backwards one or zero.


@tf.custom_gradient
def mark(x):
    return tf.ones_like(x), tf.sign


def narrow(step, args, kwargs):
    layer = step.operation
    first, *others = [tensor for tensor in keras.tree.flatten((args, kwargs)) if tf.is_tensor(tensor)]
    if isinstance(layer, (L.Conv2D, L.DepthwiseConv2D, L.SeparableConv2D)):
        kernel, padding = tf.ones((*layer.kernel_size, 1, 1)), layer.padding.upper()
        return mark(tf.nn.conv2d(first, kernel, layer.strides, padding, dilations=layer.dilation_rate))
    if isinstance(layer, (L.MaxPooling2D, L.AveragePooling2D)):
        return mark(tf.nn.avg_pool2d(first, layer.pool_size, layer.strides, layer.padding.upper()))
    if isinstance(layer, L.GlobalAveragePooling2D):
        return mark(tf.reduce_mean(first, (1, 2), keepdims=True))
    if isinstance(layer, (L.ZeroPadding2D, L.Cropping2D)):
        return mark(layer(first))
    if type(layer).__name__ in ("Add", "Multiply", "Concatenate", "CustomScaleLayer"):  # of tensors, or with a number
        return mark(functools.reduce(tf.add, others, first))
    keeps = (L.Activation, L.ReLU, L.BatchNormalization, L.LayerNormalization, L.Dropout, L.Normalization, L.Rescaling)
    one_position = isinstance(layer, L.Reshape) and first.shape[1:3] == (1, 1)
    assert isinstance(layer, (*keeps, L.Dense)) or one_position or type(layer).__name__ == "LayerScale", step.name
    assert not others
    return first


def supports(model, units):
    """The box around the support of the gradient of each (layer, row, column), all in one pass."""
    names = list(dict.fromkeys(name for name, _, _ in units))
    picture = tf.ones((len(units), *model.inputs[0].shape[1:3], 1))
    with tf.GradientTape() as tape:
        tape.watch(picture)
        answers = dict(zip(names, run(steps(model), [picture], names, narrow), strict=True))
        total = tf.add_n([answers[name][i, row, column, 0] for i, (name, row, column) in enumerate(units)])
    return box_around(tape.gradient(total, picture).numpy()[..., 0] != 0)


ARCHITECTURES = {
    name: build for name, build in vars(keras.applications).items() if inspect.isfunction(build) and name[0].isupper()
}
# The others of a family are the same blocks, more often: all of them with COURSEKIT_ALL_ARCHITECTURES=1, as the
# workflow on GitHub has it.
ONE_OF_EACH = [
    "VGG16",
    "Xception",
    "ResNet50",
    "ResNet50V2",
    "InceptionV3",
    "InceptionResNetV2",
    "MobileNet",
    "MobileNetV2",
    "MobileNetV3Small",
    "DenseNet121",
    "NASNetMobile",
    "EfficientNetB0",
    "EfficientNetV2B0",
    "ConvNeXtTiny",
]
TESTED = list(ARCHITECTURES) if os.environ.get("COURSEKIT_ALL_ARCHITECTURES") else ONE_OF_EACH
SIZES = {"VGG16": (260, 283), "VGG19": (299, 283), "MobileNet": (347, 331)}  # where even the last layer's box fits in


@pytest.fixture(scope="module")
def table(request):
    rows = []
    yield rows
    head = ("architecture", "picture", "layers", "checked", "units", "kinds; the last map's size and stride")
    lines = ["{:<20}{:>9}{:>8}{:>9}{:>7}  {}".format(*row) for row in (head, *rows)]
    find = request.config.pluginmanager.getplugin
    if find("terminalreporter") is None:  # a worker of pytest-xdist
        print("\n".join(lines))
    else:
        with find("capturemanager").global_and_fixture_disabled():
            print("", *lines, sep="\n")


@pytest.fixture
def weightless():
    """Build without drawing weights: where a network looks depends on its shape alone."""
    with keras.StatelessScope():
        yield
        keras.utils.clear_session()  # else the weights would be drawn now


@pytest.mark.parametrize("name", TESTED)
def test_architectures_equal_their_gradients(name, table, weightless):
    size = SIZES.get(name, (107, 139))
    model = ARCHITECTURES[name](weights=None, include_top=False, input_shape=(*size, 3))
    fields = receptive_fields(model)
    spatial = [found for found in fields.values() if min(found.shape) > 1]
    partial = [found for found in spatial if found.box() != (0, 0, *size)]
    chosen = {
        found.layer: found
        for some, count in ((partial, 8), (spatial, 5))
        for found in (some[i] for i in np.linspace(0, len(some) - 1, count).round().astype(int))
    }
    assert spatial[-1].layer in chosen
    places = [(found.layer, *found.shape) for found in chosen.values()]
    units = [unit for n, r, c in places for unit in ((n, 0, 0), (n, r // 2, c // 2), (n, r - 1, c - 1))]
    expected = dict(zip(units, map(tuple, supports(model, units)), strict=True))
    assert {unit: fields[unit[0]].box(*unit[1:]) for unit in units} == expected
    assert {found.kind for found in fields.values()} == {"exact"}
    summary = f"exact; {'x'.join(map(str, spatial[-1].size))}, {spatial[-1].stride[0]}"
    table.append((name, "x".join(map(str, size)), len(fields), len(chosen), len(units), summary))


def test_all_architectures_are_there():
    assert len(ARCHITECTURES) >= 38  # of Keras 3.12; all can be built without weights
    assert {*ONE_OF_EACH, "EfficientNetV2S"} <= set(ARCHITECTURES)


def test_narrow_networks_look_where_wide_ones_do():
    """MobileNetV2 as it is, its weights made positive, has the support that its narrow double has."""
    model = keras.applications.MobileNetV2(weights=None, include_top=False, input_shape=(64, 96, 3), alpha=0.35)
    names = ["Conv1_relu", "block_2_add", "block_5_depthwise", "block_6_pad", "block_9_add", "out_relu"]
    units = [(name, i, i + 1) for name in names for i in (0, 1)]
    picture = tf.ones((len(units), 64, 96, 3))
    with tf.GradientTape() as tape:
        tape.watch(picture)
        answers = dict(zip(names, run(steps(model), [picture], names, positive), strict=True))
        total = tf.add_n([tf.reduce_mean(answers[n][i, r, c]) for i, (n, r, c) in enumerate(units)])
    wide = box_around((tape.gradient(total, picture).numpy() != 0).any(axis=-1))
    np.testing.assert_array_equal(wide, supports(model, units))


@pytest.mark.parametrize(
    ("name", "size"), [("VGG16", 212), ("ResNet50", 483), ("InceptionV3", 1311), ("MobileNet", 315)]
)
def test_published_sizes(name, size, weightless):
    """Araujo et al., 2019, whose numbers are those of TensorFlow Slim's networks, which have the same shapes."""
    model = ARCHITECTURES[name](weights=None, include_top=False, input_shape=(299, 299, 3))
    spatial = [found for found in receptive_fields(model).values() if found.shape != (1, 1)]
    assert (spatial[-1].size, spatial[-1].stride) == ((size, size), (32, 32))
