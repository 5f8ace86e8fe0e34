import pytest

from coursekit import with_preprocessing
from coursekit.networks.backend import keras
from coursekit.techniques.architecture import architecture

L = keras.layers


class Tiny(keras.Model):
    """A model with a call() of its own, for which Keras keeps no graph."""

    def __init__(self):
        super().__init__()
        self.first, self.second = L.Conv2D(4, 3, activation="relu"), L.Conv2D(2, 1)

    def call(self, x):
        return self.second(self.first(x))


# What must be flagged


def sequence(*layers, shape=(16, 16, 3)):
    return keras.Sequential([keras.Input(shape), L.Rescaling(1 / 255), *layers])


def zeroed(layer):
    layer.kernel_initializer = keras.initializers.Zeros()
    return layer


def two_outputs_one_used():
    inner_in = keras.Input((4,), name="inner_in")
    inner = keras.Model(
        inner_in, [L.Dense(2, name="used")(inner_in), L.Dense(2, name="unused")(inner_in)], name="inner"
    )
    outer = keras.Input((4,))
    return keras.Model(outer, inner(outer)[0])


def unconnected_input():
    a, b = keras.Input((4,), name="a"), keras.Input((4,), name="b")
    return keras.Model([a, b], L.Dense(2)(a))


def branch(*functions):
    """A network that rectifies, then goes through the functions."""
    picture = keras.Input((8, 8, 3))
    x = L.Conv2D(4, 3, activation="relu", name="conv")(L.Rescaling(1 / 255)(picture))
    for function in functions:
        x = function(x)
    return keras.Model(picture, x)


FLAGGED = {
    "linear activation": (lambda: sequence(L.Activation("linear", name="x")), "x", "its activation is linear"),
    "identity": (lambda: sequence(L.Identity(name="x")), "x", "its activation is linear"),
    "dropout of nothing": (lambda: sequence(L.Dropout(0, name="x")), "x", "its rate is 0"),
    "spatial dropout of nothing": (lambda: sequence(L.SpatialDropout2D(0.0, name="x")), "x", "its rate is 0"),
    "noise of nothing": (lambda: sequence(L.GaussianNoise(0, name="x")), "x", "its standard deviation is 0"),
    "pooling over a pixel": (lambda: sequence(L.MaxPooling2D(1, 1, name="x")), "x", "pools over one pixel"),
    "no padding": (lambda: sequence(L.ZeroPadding2D(0, name="x")), "x", "adds or cuts off 0 rows"),
    "no cropping": (lambda: sequence(L.Cropping2D(0, name="x")), "x", "adds or cuts off 0 rows"),
    "enlarging by one": (lambda: sequence(L.UpSampling2D(1, name="x")), "x", "it enlarges by 1"),
    "scaling by one": (lambda: sequence(L.Rescaling(1, name="x")), "x", "multiplies by 1 and adds 0"),
    "flat already": (lambda: sequence(L.Flatten(), L.Flatten(name="x")), "x", "has the shape (768,) already"),
    "axes in order": (lambda: sequence(L.Permute((1, 2, 3), name="x")), "x", "keep their order"),
    "relu on relu": (lambda: branch(L.ReLU(name="x")), "x", "what comes from `conv` is never negative"),
    "relu as activation": (lambda: branch(L.Activation("relu", name="x")), "x", "never negative"),
    "relu behind pooling": (
        lambda: branch(L.MaxPooling2D(name="pool"), L.Dropout(0.5), L.ReLU(name="x")),
        "x",
        "never negative",
    ),
    "relu behind a sum": (
        lambda: branch(lambda x: L.Add()([x, L.MaxPooling2D(3, 1, "same")(x)]), L.ReLU(name="x")),
        "x",
        "never",
    ),
    "relu behind sigmoid": (lambda: sequence(L.Activation("sigmoid"), L.ReLU(name="x")), "x", "never negative"),
    "input unused": (unconnected_input, "b", "No output depends on this input"),
    "output unused": (two_outputs_one_used, "inner/unused", "No output of the model depends on this layer"),
    "zero weights": (
        lambda: sequence(zeroed(L.Conv2D(4, 3, name="x"))),
        "x",
        "All its weights are zero",
    ),
    "bias before normalisation": (
        lambda: sequence(L.Conv2D(4, 3, name="x"), L.BatchNormalization(), L.ReLU()),
        "x",
        "Note: its bias does nothing",
    ),
    "softmax in the middle": (
        lambda: sequence(L.Flatten(), L.Dense(9, activation="softmax", name="x"), L.Dense(3, name="head")),
        "x",
        "A softmax in the middle: `head` goes on",
    ),
    "softmax layer in the middle": (
        lambda: sequence(L.Conv2D(4, 3), L.Softmax(name="x"), L.MaxPooling2D(), L.Conv2D(4, 3, name="next")),
        "x",
        "A softmax in the middle: `next`",
    ),
    "softmax, then tanh": (lambda: sequence(L.Softmax(name="x"), L.Activation("tanh", name="t")), "x", "middle: `t`"),
    "softmax of softmax": (
        lambda: sequence(L.Flatten(), L.Dense(9, activation="softmax", name="p"), L.Softmax(name="x")),
        "x",
        "The second softmax in a row: it makes the probabilities of `p` nearly equal",
    ),
    "softmax of a softmax's average": (
        lambda: sequence(L.Softmax(name="p"), L.GlobalAveragePooling2D(), L.Activation("softmax", name="x")),
        "x",
        "The second softmax in a row",
    ),
    "softmax of one": (
        lambda: sequence(L.Flatten(), L.Dense(1, activation="softmax", name="x")),
        "x",
        "A softmax over a single value always gives 1",
    ),
    "softmax along an axis of one": (
        lambda: sequence(L.Conv2D(4, 3), L.Reshape((1, -1)), L.Softmax(axis=1, name="x")),
        "x",
        "over a single value",
    ),
    "unscaled": (
        lambda: keras.Sequential([keras.Input((16, 16, 3)), L.Conv2D(4, 3, name="x", activation="relu")]),
        "x",
        "Nothing scales the picture before `x`. If the network was trained on values 0-1 or centred ones, "
        "put with_preprocessing(model, fn) in front.",
    ),
    "unscaled behind augmentation": (
        lambda: keras.Sequential(
            [
                keras.Input((16, 16, 3)),
                L.RandomFlip(),
                L.Resizing(8, 8),
                L.ZeroPadding2D(1),
                L.Flatten(),
                L.Dense(4, name="x"),
            ]
        ),
        "x",
        "Nothing scales the picture before `x`.",
    ),
    "nothing nonlinear between": (
        lambda: sequence(L.Flatten(), L.Dense(64, name="a"), L.Dropout(0.5), L.Dense(10, name="x")),
        "x",
        "Nothing nonlinear stands between `a` and this layer",
    ),
    "nothing nonlinear between convolutions": (
        lambda: sequence(L.Conv2D(32, 3, name="a"), L.Conv2D(64, 3, name="x")),
        "x",
        "Nothing nonlinear stands between `a`",
    ),
}


@pytest.mark.parametrize("case", FLAGGED)
def test_flags(case):
    model, layer, sentence = FLAGGED[case]
    flags = dict(architecture(model())[["layer", "flags"]].itertuples(index=False))
    found = {name: sentences for name, sentences in flags.items() if sentences}
    assert list(found) == [layer]  # and nothing else is flagged
    assert len(found[layer]) == 1
    assert sentence in found[layer][0]


def test_relu_as_a_plain_operation():
    *others, last = architecture(branch(keras.ops.relu))["flags"]
    assert last == ("Changes nothing, because what comes from `conv` is never negative. Leave it out.",)
    assert not any(others)


def attention():
    words = keras.Input((6, 8))
    scores = L.Dense(6, name="scores")(words)
    return keras.Model(words, L.Dense(3)(keras.ops.matmul(L.Softmax()(scores), words)))


def weighted_positions():
    picture = keras.Input((8, 8, 3))
    x = L.Conv2D(4, 3, activation="relu")(L.Rescaling(1 / 255)(picture))
    weights = L.Reshape((36, 1))(L.Softmax(axis=(1, 2))(L.Conv2D(1, 1)(x)))
    return keras.Model(picture, L.Dense(2)(L.Multiply()([L.Reshape((36, 4))(x), weights])))


def ensemble():
    picture = keras.Input((8, 8, 3))
    x = L.Flatten()(L.Rescaling(1 / 255)(picture))
    return keras.Model(picture, L.Average()([L.Dense(5, activation="softmax")(x) for _ in range(3)]))


def called_twice():
    inner_in = keras.Input((4,))
    inner = keras.Model(inner_in, L.Dense(2)(inner_in), name="inner")
    a, b = keras.Input((4,)), keras.Input((4,))
    return keras.Model([a, b], [inner(a), inner(b)])


def hands_on_its_input():
    inner_in = keras.Input((4,))
    inner = keras.Model(inner_in, inner_in, name="inner")
    outer = keras.Input((4,))
    return keras.Model(outer, inner(L.Dense(4)(outer)))


def residual():
    picture = keras.Input((8, 8, 3))
    x = start = L.Conv2D(4, 3, padding="same", activation="relu")(L.Rescaling(1 / 255)(picture))
    x = L.BatchNormalization()(L.Conv2D(4, 3, padding="same", use_bias=False)(x))
    return keras.Model(picture, L.ReLU()(L.Add()([x, start])))


UNFLAGGED = {
    "classifier": lambda: sequence(
        L.Conv2D(4, 3, activation="relu"),
        L.MaxPooling2D(),
        L.Conv2D(8, 3),
        L.ReLU(),
        L.Flatten(),
        L.Dropout(0.5),
        L.Dense(10, activation="softmax"),
    ),
    "softmax with a tail": lambda: sequence(L.Conv2D(4, 1), L.Softmax(), L.GlobalAveragePooling2D(), L.Reshape((4, 1))),
    "attention": attention,
    "attention over positions": weighted_positions,
    "multi-head attention": lambda: branch(L.Reshape((36, 4)), lambda x: L.MultiHeadAttention(2, 2)(x, x), L.Dense(2)),
    "ensemble": ensemble,
    "residual": residual,
    "inner model called twice": called_twice,
    "inner model that hands on its input": hands_on_its_input,
    "zero weights that are meant": lambda: sequence(L.Conv2D(4, 3), L.PReLU(), L.BatchNormalization()),
    "bias and activation before normalisation": lambda: sequence(
        L.Conv2D(4, 3, activation="relu"), L.BatchNormalization()
    ),
    "ReLU6 on ReLU": lambda: branch(L.ReLU(6)),
    "leaky ReLU, then ReLU": lambda: sequence(L.Conv2D(4, 3), L.LeakyReLU(), L.ReLU()),
    "ReLU behind noise": lambda: branch(L.GaussianNoise(0.1), L.ReLU()),
    "ReLU behind a subtraction": lambda: branch(lambda x: L.ReLU()(x - 1)),
    "cast for mixed precision": lambda: sequence(
        L.Dense(4, dtype="mixed_float16"), L.Activation("linear", dtype="float32")
    ),
    "subsampling": lambda: sequence(L.MaxPooling2D(1, 2)),
    "bottleneck": lambda: sequence(L.Flatten(), L.Dense(2), L.Dense(64)),
    "row and column": lambda: sequence(L.Conv2D(8, (1, 3)), L.Conv2D(8, (3, 1))),
    "depthwise, then pointwise": lambda: sequence(L.DepthwiseConv2D(3), L.Conv2D(8, 1)),
    "division": lambda: functional_model(lambda x: L.Conv2D(4, 3)(x / 255)),
    "centring": lambda: functional_model(lambda x: L.Conv2D(4, 3)(x - 127.5)),
    "normalised by the batch": lambda: functional_model(lambda x: L.Conv2D(4, 3)(L.BatchNormalization()(x))),
    "normalised": lambda: functional_model(lambda x: L.Conv2D(4, 3)(L.Normalization(mean=1, variance=2)(x))),
    "own preprocessing": lambda: with_preprocessing(
        functional_model(lambda x: L.Conv2D(4, 3)(x)), lambda images: images / 127.5 - 1
    ),
    "features, not pictures": lambda: keras.Sequential([keras.Input((7, 7, 512)), L.Conv2D(4, 3)]),
    "a model of its own": lambda: functional_model(lambda x: Tiny()(x / 255)),
    "words": lambda: keras.Sequential(
        [keras.Input((20,)), L.Embedding(50, 4), L.LSTM(8), L.Dense(2, activation="softmax")]
    ),
}


def functional_model(function):
    picture = keras.Input((16, 16, 3))
    return keras.Model(picture, function(picture))


@pytest.mark.parametrize("case", UNFLAGGED)
def test_no_false_alarms(case):
    flags = architecture(UNFLAGGED[case]())["flags"]
    assert [flag for found in flags for flag in found] == []


# Their preprocessing is a function beside the model, so the unscaled picture is rightly flagged. EfficientNet has its
# scaling inside. ResNet50 does have superfluous biases: its 53 convolutions are each followed by a normalisation.
@pytest.mark.parametrize(
    ("name", "unscaled", "notes"),
    [
        ("VGG16", "block1_conv1", 0),
        ("ResNet50", "conv1_conv", 53),
        ("MobileNetV2", "Conv1", 0),
        ("EfficientNetB0", None, 0),
        ("DenseNet121", "conv1_conv", 0),
    ],
)
def test_well_known_networks(name, unscaled, notes):
    model = getattr(keras.applications, name)(weights=None, input_shape=(64, 64, 3), classes=10)
    table = architecture(model)
    assert table["parameters"].sum() == model.count_params()
    assert table["share of the work"].sum() == pytest.approx(1)
    sentences = [(layer, flag) for layer, flags in zip(table["layer"], table["flags"], strict=True) for flag in flags]
    assert [layer for layer, flag in sentences if flag.startswith("Nothing scales")] == ([unscaled] if unscaled else [])
    assert sum(flag.startswith("Note: its bias") for _, flag in sentences) == notes
    assert len(sentences) == notes + (unscaled is not None)
