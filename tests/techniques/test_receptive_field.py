import math

import numpy as np
import pytest

from coursekit import photos, receptive_field, squeezenet
from coursekit.networks.backend import keras, tf
from coursekit.networks.graph import compiled, run, steps
from coursekit.techniques.receptive_field import receptive_fields
from tests.techniques.boxes import box_around, last, network, positive, sequential

L = keras.layers


# By hand: (layers, picture, size, stride, offset, {unit: box})
BY_HAND = {
    "convolution": ([L.Conv2D(2, 3)], 9, 3, 1, 0, {(0, 0): (0, 0, 3, 3), (6, 6): (6, 6, 9, 9)}),
    "same": ([L.Conv2D(2, 3, padding="same")], 9, 3, 1, -1, {(0, 0): (0, 0, 2, 2), (4, 8): (3, 7, 6, 9)}),
    "same, stride 2, odd": ([L.Conv2D(2, 3, 2, "same")], 9, 3, 2, -1, {(0, 0): (0, 0, 2, 2), (4, 4): (7, 7, 9, 9)}),
    "same, stride 2, even": ([L.Conv2D(2, 3, 2, "same")], 8, 3, 2, 0, {(0, 0): (0, 0, 3, 3), (3, 3): (6, 6, 8, 8)}),
    "oblong": ([L.Conv2D(2, (1, 5), (1, 2))], 9, (1, 5), (1, 2), 0, {(3, 2): (3, 4, 4, 9)}),
    "dilated": ([L.Conv2D(2, 3, dilation_rate=2, padding="same")], 9, 5, 1, -2, {(0, 1): (0, 1, 3, 4)}),
    "depthwise": ([L.DepthwiseConv2D(3, 2)], 9, 3, 2, 0, {(3, 0): (6, 0, 9, 3)}),
    "separable": ([L.SeparableConv2D(2, 3, padding="same")], 9, 3, 1, -1, {(0, 0): (0, 0, 2, 2)}),
    "grouped": ([L.Conv2D(3, 3, groups=3)], 9, 3, 1, 0, {(1, 1): (1, 1, 4, 4)}),
    "two and a pool": (
        [L.Conv2D(2, 3), L.Conv2D(2, 3), L.MaxPooling2D(2)],
        12,
        6,
        2,
        0,
        {(0, 0): (0, 0, 6, 6), (3, 1): (6, 2, 12, 8)},
    ),
    "explicit padding": (
        [L.ZeroPadding2D(((2, 0), (1, 1))), L.Conv2D(2, 3, 2)],
        9,
        3,
        2,
        (-2, -1),
        {(0, 0): (0, 0, 1, 2), (4, 4): (6, 7, 9, 9)},
    ),
    "only padding": (
        [L.ZeroPadding2D(1)],
        9,
        1,
        1,
        -1,
        {(0, 0): (0, 0, 0, 0), (0, 5): (0, 0, 0, 0), (1, 1): (0, 0, 1, 1)},
    ),
    "cropped": ([L.Cropping2D(((2, 1), (0, 3)))], 9, 1, 1, (2, 0), {(0, 0): (2, 0, 3, 1)}),
    "enlarged": ([L.UpSampling2D(2)], 9, 1, 0.5, 0, {(0, 0): (0, 0, 1, 1), (5, 2): (2, 1, 3, 2)}),
    "enlarged smoothly": (
        [L.UpSampling2D(2, interpolation="bilinear")],
        9,
        2,
        0.5,
        -1,
        {(0, 0): (0, 0, 1, 1), (3, 17): (1, 8, 3, 9)},
    ),
    "enlarged, then reduced": ([L.UpSampling2D(2), L.AveragePooling2D(2)], 9, 1, 1, 0, {(4, 4): (4, 4, 5, 5)}),
    "transposed": ([L.Conv2DTranspose(2, 3, 2)], 4, 2, 0.5, -1, {(0, 0): (0, 0, 1, 1), (2, 2): (0, 0, 2, 2)}),
    "transposed, with gaps": ([L.Conv2DTranspose(2, 1, 2)], 4, 1, 0.5, 0, {(1, 0): (0, 0, 0, 0), (2, 2): (1, 1, 2, 2)}),
    "global": ([L.Conv2D(2, 3), L.GlobalAveragePooling2D()], 9, 9, 0, 0, {(0, 0): (0, 0, 9, 9)}),
    "global, with pixels left over": ([L.Conv2D(2, 2, 2), L.GlobalMaxPooling2D()], 9, 8, 0, 0, {(0, 0): (0, 0, 8, 8)}),
    "dense": ([L.Conv2D(2, 3), L.Flatten(), L.Dense(4)], 9, 9, 0, 0, {(0, 0): (0, 0, 9, 9)}),
    "dense at each position": ([L.Dense(4)], 9, 1, 1, 0, {(3, 4): (3, 4, 4, 5)}),
    "what keeps positions": (
        [
            L.Rescaling(1 / 255),
            L.Normalization(mean=1, variance=2),
            L.BatchNormalization(),
            L.LayerNormalization(),
            L.Activation("softmax"),
            L.Activation("swish"),
            L.Softmax(),
            L.PReLU(),
            L.SpatialDropout2D(0.5),
            L.Reshape((9, 9, 3)),
        ],
        9,
        1,
        1,
        0,
        {(8, 0): (8, 0, 9, 1)},
    ),
}


def both(value):
    return value if isinstance(value, tuple) else (value, value)


@pytest.mark.parametrize("case", BY_HAND)
def test_by_hand(case):
    layers, picture, size, stride, offset, boxes = BY_HAND[case]
    layers = [layer.__class__.from_config(layer.get_config()) for layer in layers]
    found = last(sequential(*layers, size=both(picture)))
    assert (found.kind, found.note) == ("exact", "")
    assert (found.size, found.stride, found.offset) == (both(size), both(stride), both(offset))
    assert found.input_size == both(picture)
    assert {unit: found.box(*unit) for unit in boxes} == boxes


# Against gradients: all weights positive, so that nothing cancels; maxima as averages, because a maximum hands its
# gradient to one pixel of the many that it could have come from; no function in between that could stop it.


def shifted(x):
    """NASNet's way to make a map smaller: two poolings, the second a pixel further down and to the right."""
    first = L.Conv2D(2, 1)(L.AveragePooling2D(1, 2)(x))
    second = L.Cropping2D(((1, 0), (1, 0)))(L.ZeroPadding2D(((0, 1), (0, 1)))(x))
    return L.Concatenate()([first, L.Conv2D(2, 1)(L.AveragePooling2D(1, 2)(second))])


def unet(x):
    a = L.Conv2D(2, 3, padding="same", activation="relu")(x)
    b = L.Conv2D(2, 3, padding="same")(L.MaxPooling2D()(a))
    c = L.Conv2D(2, 3, padding="same")(L.MaxPooling2D()(b))
    b = L.Conv2D(2, 3, padding="same")(L.Concatenate()([L.UpSampling2D(2)(c), b]))
    return L.Concatenate()([L.Conv2DTranspose(2, 3, 2, "same")(b), a])


def inception(x):
    branches = [L.Conv2D(2, k, 2, padding="same")(x) for k in (1, 3, 4, 5)]
    return L.Conv2D(2, 2)(L.Concatenate()([*branches, L.MaxPooling2D(3, 2, "same")(x)]))


def residual(x):
    x = L.Conv2D(4, 3, 2, padding="same")(x)
    return L.Conv2D(2, (3, 1))(L.Add()([x, L.DepthwiseConv2D(5, padding="same")(x)]))


def gated(x):
    x = L.Conv2D(4, 3, 2)(x)
    gate = L.Reshape((1, 1, 4))(L.Dense(4)(L.GlobalAveragePooling2D()(x)))
    return L.ZeroPadding2D(1)(L.Multiply()([x, gate]))


def gated_by_operations(x):
    x = L.Conv2D(4, 3)(x)
    return x * keras.ops.mean(x, axis=(1, 2), keepdims=True) + 1


def squeezed(x):
    """A map and a column that counts for all of its columns: one axis has lost its positions."""
    return L.Conv2D(2, 2)(x) + L.Conv2D(2, (2, 16))(x)


def to_depth(x):
    parts = [x[:, i::2, j::2] for i in (0, 1) for j in (0, 1)]
    return L.Conv2D(2, 2, padding="same")(L.Concatenate()(parts))


def enlarging(x):
    x = L.Conv2DTranspose(2, (5, 3), 3)(L.Conv2D(2, 3, (3, 5), padding="same")(x))
    x = L.Conv2DTranspose(2, (2, 4), (1, 2), "same")(x)
    return L.Conv2D(1, 2, dilation_rate=(2, 3))(L.UpSampling2D((1, 2), interpolation="bilinear")(x))


def resized(x):
    x = L.Conv2D(2, 3)(L.Resizing(8, 32)(x))
    return L.Conv2D(2, 2)(L.Resizing(12, 15, interpolation="nearest")(x))


def resized_between_pixels(x):
    x = L.Conv2D(2, 3)(L.Resizing(9, 11)(x))
    return L.Resizing(11, 3, interpolation="nearest")(x)


def separable(x):
    x = L.SeparableConv2D(2, 3, 2, padding="same")(x)
    return L.SeparableConv2D(2, 3, dilation_rate=2, padding="same")(x)


TOYS = [
    *(shifted, unet, inception, residual, gated, gated_by_operations, squeezed, to_depth, enlarging, separable),
    *(resized, resized_between_pixels),
]


@pytest.mark.parametrize("size", [(16, 16), (13, 16)])
@pytest.mark.parametrize("toy", TOYS)
def test_every_unit_of_toy_networks(toy, size):
    if toy in (unet, to_depth) and size[0] % 2:
        size = (12, 16)
    model = network(toy, size)
    fields = receptive_fields(model)
    picture = tf.constant(np.random.default_rng(0).uniform(0.5, 1, (1, *size, 3)), tf.float32)
    for step in steps(model)[1:]:
        shape = fields[step.name].shape
        copies = tf.repeat(picture, np.prod(shape), axis=0)  # one for each unit
        with tf.GradientTape() as tape:
            tape.watch(copies)
            (answer,) = run(steps(model), [copies], [step.name], positive)
            units = tf.reshape(tf.reduce_sum(answer, -1), (len(copies), len(copies)))
            total = tf.linalg.trace(units)
        gradients = tape.gradient(total, copies).numpy().reshape(*shape, *size, 3)
        expected, found = box_around((gradients != 0).any(axis=-1)), fields[step.name].boxes()
        if fields[step.name].kind == "exact":
            np.testing.assert_array_equal(found, expected, err_msg=step.name)
        else:
            assert toy is resized_between_pixels
            assert (found[..., :2] <= expected[..., :2]).all()
            assert (found[..., 2:] >= expected[..., 2:]).all()
    assert fields[step.name].kind == ("upper bound" if toy is resized_between_pixels else "exact")


def test_boxes_are_the_box_of_each_unit():
    found = last(network(shifted, (9, 12)))
    boxes = found.boxes()
    assert boxes.shape == (*found.shape, 4)
    assert all(found.box(r, c) == tuple(boxes[r, c]) for r in range(found.shape[0]) for c in range(found.shape[1]))


def test_size_is_what_a_unit_in_the_middle_sees():
    found = last(network(unet, (64, 64)))
    boxes = found.boxes()
    assert tuple((boxes[..., 2:] - boxes[..., :2]).max(axis=(0, 1))) == found.size == (26, 26)
    assert found.stride == (1, 1)


# SqueezeNet


@pytest.fixture(scope="module")
def squeeze():
    return squeezenet()


def test_squeezenet_equals_its_gradients(squeeze):
    """Every layer, at the corner and the centre, of the network itself with its weights made positive."""
    model = keras.models.clone_model(squeeze)
    model.set_weights([np.abs(weight) for weight in squeeze.get_weights()])
    fields = receptive_fields(squeeze)
    names = [step.name for step in steps(model)][1:]
    picture = tf.ones((2, 227, 227, 3))
    with tf.GradientTape(persistent=True) as tape:
        tape.watch(picture)
        answers = run(steps(model), [picture], names, positive)
        sums = []
        for name, answer in zip(names, answers, strict=True):
            rows, columns = fields[name].shape
            units = [(0, 0), (rows // 2, columns // 2)]
            answer = tf.reshape(answer, (2, rows, columns, -1))
            sums.append((units, tf.add_n([tf.reduce_mean(answer[i, r, c]) for i, (r, c) in enumerate(units)])))
    for name, (units, total) in zip(names, sums, strict=True):
        seen = (tape.gradient(total, picture).numpy() != 0).any(axis=-1)
        assert [fields[name].box(*unit) for unit in units] == [tuple(box) for box in box_around(seen)], name
        assert fields[name].kind == "exact"


def test_squeezenet_does_not_notice_what_is_outside(squeeze):
    """The network as it is: noise around the box changes no channel of the unit; noise inside changes some."""
    rng = np.random.default_rng(0)
    image, noise = photos()[0][0].astype(np.float32), rng.uniform(0, 255, (227, 227, 3)).astype(np.float32)
    names = [step.name for step in steps(squeeze) if len(step.shape) == 3][1::4]
    before = [np.asarray(answer)[0] for answer in compiled(squeeze, names)(image[np.newaxis])]
    for name, answer in zip(names, before, strict=True):
        found = receptive_field(squeeze, name)
        row, column = found.shape[0] // 3, 2 * found.shape[1] // 3
        top, left, bottom, right = found.box(row, column)
        outside = noise.copy()
        outside[top:bottom, left:right] = image[top:bottom, left:right]
        inside = image.copy()
        inside[top:bottom, left:right] = noise[top:bottom, left:right]
        (after,) = run(steps(squeeze), [tf.stack([outside, inside])], [name])
        after = after.numpy()[:, row, column]
        np.testing.assert_allclose(after[0], answer[row, column], rtol=1e-4, atol=1e-2, err_msg=name)
        assert np.abs(after[1] - answer[row, column]).max() > 0.1, name


def test_squeezenet_known_values(squeeze):
    found = receptive_field(squeeze, "fire6-squeeze1x1")
    assert (found.size, found.stride, found.offset, found.shape) == ((79, 79), (16, 16), (-24, -24), (14, 14))
    assert found.box(0, 0) == (0, 0, 55, 55)
    assert found.box(5, 7) == (56, 88, 135, 167)
    assert receptive_field(squeeze, "conv10").size == (207, 207)
    assert receptive_field(squeeze, "prob").box() == (0, 0, 227, 227)
    assert "branches" in receptive_field(squeeze, "fire2-concat").note


# Models of all kinds


def test_nested():
    inner = keras.Sequential([keras.Input((None, None, 3)), L.Conv2D(2, 3, 2, "same", name="conv")], name="inner")
    model = keras.Sequential([keras.Input((8, 9, 3)), L.ZeroPadding2D(1), inner])
    found = receptive_field(model, "conv")
    assert found.layer == "inner/conv"
    assert found.box(0, 0) == (0, 0, 2, 1)
    assert found.shape == (5, 6)


def test_several_inputs():
    a, b, c = keras.Input((8, 8, 3), name="a"), keras.Input((16, 16, 3), name="b"), keras.Input((4,), name="c")
    left, right = L.Conv2D(2, 3, name="left")(a), L.Conv2D(2, 3, 2, "same", name="right")(b)
    both = L.Concatenate(name="both")([L.GlobalAveragePooling2D()(left), L.GlobalAveragePooling2D()(right), c])
    model = keras.Model([c, a, b], both)
    assert receptive_field(model, "left").box(1, 1) == (1, 1, 4, 4)
    assert receptive_field(model, "both").box() == (0, 0, 8, 8)
    assert receptive_field(model, "right", picture="b").box(1, 1) == (2, 2, 5, 5)
    assert receptive_field(model, "both", picture="b").input_size == (16, 16)
    with pytest.raises(ValueError, match="'right' does not depend on the input 'a'"):
        receptive_field(model, "right")
    with pytest.raises(ValueError, match=r"No input that takes pictures is called 'c'\. There are 'a', 'b'"):
        receptive_field(model, "both", picture="c")
    with pytest.raises(TypeError, match="picture is the name of an input, such as 'a', not 1"):
        receptive_field(model, "both", picture=1)


def test_any_size():
    model = keras.Sequential([keras.Input((None, None, 3)), L.Conv2D(2, 3, 2, "same", name="conv")])
    with pytest.raises(ValueError, match=r"takes pictures of any size: say which, as in size=\(224, 224\)"):
        receptive_field(model, "conv")
    assert receptive_field(model, "conv", size=(8, 9)).offset == (0, -1)
    assert receptive_field(model, "conv", size=9).box(4, 4) == (7, 7, 9, 9)
    assert receptive_fields(model) == {}


def test_another_size_than_the_network_was_built_for(squeeze):
    found = receptive_field(squeeze, "conv10", size=(300, 400))
    assert (found.input_size, found.shape, found.size) == ((300, 400), (19, 25), (207, 207))
    model = sequential(L.Flatten(), L.Dense(2, name="dense"))
    with pytest.raises(ValueError, match=r"Layer 'dense' does not take \(300,\), as pictures of \(10, 10\) would give"):
        receptive_field(model, "dense", size=10)


def test_shared_layer():
    conv = L.Conv2D(3, 3, name="conv")
    model = network(lambda x: conv(conv(x)))
    assert receptive_field(model, "conv").size == (3, 3)
    assert receptive_field(model, "conv:2").size == (5, 5)


def test_strides_that_do_not_agree():
    def function(x):
        return L.Concatenate()([L.Conv2D(2, 2, 2)(x), L.Conv2D(2, 9)(x)])

    found = last(network(function))
    assert math.isnan(found.stride[0])
    assert found.size == (9, 9)
    assert found.box(0, 7) == (0, 7, 9, 16)


def test_add_after_the_fields_were_computed():
    model = sequential(L.Conv2D(2, 3))
    assert last(model).size == (3, 3)
    model.add(L.Conv2D(2, 3))
    assert last(model).size == (5, 5)


def test_wrong_arguments():
    model = sequential(L.Conv2D(2, 3, name="conv"))
    with pytest.raises(ValueError, match=r"There is no layer 'conf'\. Did you mean 'conv'\?"):
        receptive_field(model, "conf")
    with pytest.raises(TypeError, match="Expected a Keras model, not str"):
        receptive_field("squeezenet", "conv1")
    found = receptive_field(model, "conv")
    with pytest.raises(ValueError, match="There is no row 7: there are 7, counted from 0 to 6"):
        found.box(7, 0)
    with pytest.raises(TypeError, match="column must be a whole number"):
        found.box(0, 1.5)
    for size in ("9", (9,), (9, 9, 3), 9.0, True):
        with pytest.raises(TypeError, match="size must be a whole number"):
            receptive_field(model, "conv", size=size)
    with pytest.raises(ValueError, match="size must be at least 1, not 0"):
        receptive_field(model, "conv", size=0)
    words = keras.Sequential([keras.Input((4,)), L.Dense(2, name="dense")])
    with pytest.raises(ValueError, match="This network takes no pictures"):
        receptive_field(words, "dense")
    first = keras.Sequential([keras.Input((3, 9, 9)), L.Conv2D(2, 3, data_format="channels_first", name="conv")])
    with pytest.raises(ValueError, match="Layer 'conv' has its channels first"):
        receptive_field(first, "conv")
    assert receptive_fields(first) == {}
