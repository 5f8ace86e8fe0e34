import numpy as np
import pandas as pd
import pytest

from coursekit import squeezenet
from coursekit.networks.backend import keras, tf
from coursekit.techniques.architecture import architecture

L = keras.layers


def row(layer, shape):
    """The row of one layer on an input of that shape."""
    return architecture(keras.Sequential([keras.Input(shape), layer])).iloc[1]


def functional(inputs, outputs):
    return architecture(keras.Model(inputs, outputs))


class Scale(L.Layer):
    """A layer of a learner's own, with one weight per channel."""

    def build(self, shape):
        self.scale = self.add_weight(shape=(shape[-1],), name="scale")

    def call(self, x):
        return x * self.scale


class Blend(L.Layer):
    """A layer of a learner's own, with a matrix."""

    def build(self, shape):
        self.matrix = self.add_weight(shape=(shape[-1], 4), name="matrix")

    def call(self, x):
        return x @ self.matrix


class Tiny(keras.Model):
    """A model with a call() of its own, for which Keras keeps no graph."""

    def __init__(self):
        super().__init__()
        self.first, self.second = L.Conv2D(4, 3, activation="relu"), L.Conv2D(2, 1)

    def call(self, x):
        return self.second(self.first(x))


# Worked out by hand: (layer, input shape, output shape, parameters, multiplications, hyperparameters, learnables)
ROWS = {
    "convolution": (
        lambda: L.Conv2D(5, 3, strides=2),
        (9, 7, 2),
        (4, 3, 5),
        3 * 3 * 2 * 5 + 5,
        4 * 3 * 5 * 18,
        "5 filters 3x3, stride 2, no padding",
        "weights 3x3x2x5, bias 5",
    ),
    "oblong": (
        lambda: L.Conv2D(1, (1, 3), strides=(2, 1), padding="same", use_bias=False, activation="relu"),
        (8, 8, 3),
        (4, 8, 1),
        9,
        4 * 8 * 9,
        "1 filter 1x3, stride 2x1, same padding, then ReLU",
        "weights 1x3x3x1",
    ),
    "one pixel": (
        lambda: L.Conv2D(8, 1, padding="same", activation="softmax"),
        (4, 4, 3),
        (4, 4, 8),
        32,
        16 * 8 * 3,
        "8 filters 1x1, stride 1, then softmax",
        "weights 1x1x3x8, bias 8",
    ),
    "dilated": (
        lambda: L.Conv2D(2, 3, dilation_rate=2),
        (8, 8, 1),
        (4, 4, 2),
        20,
        16 * 2 * 9,
        "2 filters 3x3, stride 1, dilation 2, no padding",
        "weights 3x3x1x2, bias 2",
    ),
    "grouped": (
        lambda: L.Conv2D(8, 3, groups=4, padding="same"),
        (5, 5, 4),
        (5, 5, 8),
        3 * 3 * 1 * 8 + 8,
        25 * 8 * 9,
        "8 filters 3x3, 4 groups, stride 1, same padding",
        "weights 3x3x1x8, bias 8",
    ),
    "depthwise": (
        lambda: L.DepthwiseConv2D(3, depth_multiplier=2),
        (6, 6, 3),
        (4, 4, 6),
        3 * 3 * 3 * 2 + 6,
        16 * 6 * 9,
        "2 filters 3x3 for each channel, stride 1, no padding",
        "weights 3x3x3x2, bias 6",
    ),
    "separable": (
        lambda: L.SeparableConv2D(8, 3, strides=2, padding="same"),
        (6, 6, 4),
        (3, 3, 8),
        3 * 3 * 4 + 4 * 8 + 8,
        9 * (4 * 9 + 4 * 8),
        "8 filters 3x3, stride 2, same padding",
        "depthwise kernel 3x3x4x1, pointwise kernel 1x1x4x8, bias 8",
    ),
    "transposed": (
        lambda: L.Conv2DTranspose(3, 2, strides=2),
        (4, 5, 6),
        (8, 10, 3),
        2 * 2 * 3 * 6 + 3,
        4 * 5 * 6 * (2 * 2 * 3),
        "3 filters 2x2, stride 2, no padding",
        "weights 2x2x3x6, bias 3",
    ),
    "in one dimension": (
        lambda: L.Conv1D(4, 3, padding="causal"),
        (10, 2),
        (10, 4),
        3 * 2 * 4 + 4,
        10 * 24,
        "4 filters 3, stride 1, causal padding",
        "weights 3x2x4, bias 4",
    ),
    "in three": (
        lambda: L.Conv3D(2, 2),
        (3, 3, 3, 1),
        (2, 2, 2, 2),
        18,
        8 * 16,
        "2 filters 2x2x2, stride 1, no padding",
        "weights 2x2x2x1x2, bias 2",
    ),
    "dense": (
        lambda: L.Dense(3, activation="softmax"),
        (4,),
        (3,),
        15,
        12,
        "3 units, then softmax",
        "weights 4x3, bias 3",
    ),
    "dense at each position": (lambda: L.Dense(1), (5, 4), (5, 1), 5, 20, "1 unit", "weights 4x1, bias 1"),
    "batch normalisation": (
        lambda: L.BatchNormalization(),
        (4, 4, 3),
        (4, 4, 3),
        12,
        0,
        "axis -1, epsilon 0.001",
        "gamma 3, beta 3, moving mean 3, moving variance 3",
    ),
    "embedding": (lambda: L.Embedding(10, 4), (6,), (6, 4), 40, 0, "input dim 10, output dim 4", "embeddings 10x4"),
    "simple recurrence": (
        lambda: L.SimpleRNN(3),
        (5, 2),
        (3,),
        2 * 3 + 3 * 3 + 3,
        5 * (6 + 9),
        "3 units, then tanh",
        "weights 2x3, recurrent kernel 3x3, bias 3",
    ),
    "max pooling": (
        lambda: L.MaxPooling2D(3, 2, "same"),
        (7, 7, 2),
        (4, 4, 2),
        0,
        0,
        "3x3 max, stride 2, same padding",
        "",
    ),
    "average pooling": (
        lambda: L.AveragePooling2D((2, 1)),
        (4, 4, 1),
        (2, 4, 1),
        0,
        0,
        "2x1 average, stride 2x1, no padding",
        "",
    ),
    "global average": (
        lambda: L.GlobalAveragePooling2D(),
        (4, 4, 6),
        (6,),
        0,
        0,
        "average over all positions",
        "",
    ),
    "ReLU": (lambda: L.ReLU(), (4,), (4,), 0, 0, "ReLU", ""),
    "ReLU6": (lambda: L.ReLU(6), (4,), (4,), 0, 0, "ReLU up to 6", ""),
    "leaky ReLU": (lambda: L.LeakyReLU(0.1), (4,), (4,), 0, 0, "negative slope 0.1", ""),
    "activation": (lambda: L.Activation("tanh"), (4,), (4,), 0, 0, "tanh", ""),
    "softmax": (lambda: L.Softmax(), (4,), (4,), 0, 0, "axis -1", ""),
    "dropout": (lambda: L.Dropout(0.5), (4,), (4,), 0, 0, "rate 0.5", ""),
    "zero padding": (lambda: L.ZeroPadding2D(2), (4, 4, 1), (8, 8, 1), 0, 0, "2 on each side", ""),
    "lopsided padding": (
        lambda: L.ZeroPadding2D(((0, 1), (2, 3))),
        (4, 4, 1),
        (5, 9, 1),
        0,
        0,
        "top 0, bottom 1, left 2, right 3",
        "",
    ),
    "rescaling": (lambda: L.Rescaling(1 / 255), (4, 4, 1), (4, 4, 1), 0, 0, "scale 0.00392157", ""),
    "enlarging": (
        lambda: L.UpSampling2D(3, interpolation="bilinear"),
        (4, 4, 1),
        (12, 12, 1),
        0,
        0,
        "size (3, 3), interpolation bilinear",
        "",
    ),
    "own layer with a vector": (lambda: Scale(), (4, 3), (4, 3), 3, 0, "", "scale 3"),
}


@pytest.mark.parametrize("case", ROWS)
def test_rows_by_hand(case):
    layer, comes_in, shape, parameters, multiplications, hyperparameters, learnables = ROWS[case]
    found = row(layer(), comes_in)
    assert found["output shape"] == shape
    assert found["parameters"] == parameters
    assert found["multiplications"] == multiplications
    assert found["hyperparameters"] == hyperparameters
    assert found["learnables"] == learnables


@pytest.mark.parametrize(("layer", "gates"), [(L.LSTM, 4), (L.GRU, 3)])
def test_recurrent_layers_count_each_step_in_time(layer, gates):
    assert row(layer(6), (10, 5))["multiplications"] == 10 * gates * (5 * 6 + 6 * 6)


@pytest.fixture(scope="module")
def model():
    return squeezenet()


@pytest.fixture(scope="module")
def table(model):
    return architecture(model)


class TestSqueezeNet:
    def test_rows_stand_where_matlab_has_them(self, table):
        assert len(table) == 68
        assert list(table.index) == list(range(68))
        assert table.loc[[0, 1, 35, 67], "layer"].tolist() == ["picture", "data", "fire6-squeeze1x1", "prob"]
        assert table.loc[35, "output shape"] == (14, 14, 48)
        assert table["connections"].map(len).sum() == 75  # 74 in MATLAB, which has no row for the picture

    def test_columns(self, table):
        assert list(table) == [
            "layer",
            "type",
            "output shape",
            "hyperparameters",
            "parameters",
            "learnables",
            "multiplications",
            "share of the work",
            "receptive field",
            "stride",
            "field is",
            "connections",
            "flags",
        ]
        assert table["parameters"].dtype == np.int64
        assert table["multiplications"].dtype == pd.Int64Dtype()
        assert table["share of the work"].dtype == np.float64

    def test_receptive_fields(self, table):
        assert table.loc[35, ["receptive field", "stride", "field is"]].tolist() == [(79, 79), (16, 16), "exact"]
        assert table.loc[67, "receptive field"] == (227, 227)

    def test_conv1(self, table):
        conv1 = table.loc[2]
        assert conv1["layer"] == "conv1"
        assert conv1["type"] == "Conv2D"
        assert conv1["output shape"] == (113, 113, 64)
        assert conv1["hyperparameters"] == "64 filters 3x3, stride 2, no padding"
        assert conv1["learnables"] == "weights 3x3x3x64, bias 64"
        assert conv1["parameters"] == 1792
        assert conv1["multiplications"] == 113 * 113 * 64 * 27
        assert conv1["connections"] == ("data",)

    def test_totals(self, table):
        assert table["parameters"].sum() == table.attrs["parameters"] == 1_235_496
        assert table["share of the work"].sum() == pytest.approx(1)
        assert table.attrs["network"] == "squeezenet"
        assert table.attrs["multiplications"] == table["multiplications"].sum()

    def test_nothing_is_flagged(self, table):
        assert not table["flags"].map(bool).any()

    def test_multiplications_agree_with_tensorflows_profiler(self, model, table):
        assert table.attrs["multiplications"] == profiled(model)


def profiled(model):
    """What TensorFlow counts in the compiled graph: an addition goes with each multiplication."""
    forward = tf.function(lambda x: model(x, training=False))
    graph = forward.get_concrete_function(tf.TensorSpec((1, *model.input_shape[1:]))).graph
    options = tf.compat.v1.profiler.ProfileOptionBuilder(tf.compat.v1.profiler.ProfileOptionBuilder.float_operation())
    options = options.with_empty_output().build()
    found = tf.compat.v1.profiler.profile(graph, cmd="op", options=options)
    waiting, operations = [found], 0
    while waiting:
        node = waiting.pop()
        waiting.extend(node.children)
        if node.name in ("Conv2D", "DepthwiseConv2dNative", "MatMul"):
            operations += node.float_ops
    return operations // 2


def test_profiler_agrees_on_other_layers():
    model = keras.Sequential(
        [
            keras.Input((17, 13, 3)),
            L.Conv2D(8, (3, 2), strides=2, padding="same"),
            L.BatchNormalization(),
            L.DepthwiseConv2D(3, depth_multiplier=2),
            L.SeparableConv2D(8, 3, padding="same"),
            L.Conv2D(4, 3),
            L.Flatten(),
            L.Dense(10),
        ]
    )
    assert architecture(model).attrs["multiplications"] == profiled(model)


class TestAnyModel:
    def test_a_shared_layer_counts_once(self):
        a, b = keras.Input((8, 8, 3), name="a"), keras.Input((8, 8, 3), name="b")
        eye = L.Conv2D(4, 3, name="eye")
        table = functional([a, b], L.Concatenate()([eye(a), eye(b)])).set_index("layer")
        assert table.loc["eye", "parameters"] == 3 * 3 * 3 * 4 + 4
        assert table.loc["eye:2", "parameters"] == 0
        assert table.loc["eye:2", "learnables"] == "shared with eye, counted there"
        assert table.loc["eye:2", "multiplications"] == table.loc["eye", "multiplications"] == 36 * 4 * 27

    def test_nested_model_for_any_size_gets_the_size_from_outside(self):
        inner_in = keras.Input((None, None, 3))
        inner = keras.Model(inner_in, L.MaxPooling2D(name="pool")(L.Conv2D(4, 3, name="conv")(inner_in)), name="inner")
        outer = keras.Input((10, 12, 3))
        table = functional(outer, L.GlobalMaxPooling2D()(inner(outer / 255))).set_index("layer")
        assert table.loc["inner/conv", "output shape"] == (8, 10, 4)
        assert table.loc["inner/pool", "output shape"] == (4, 5, 4)
        assert table.loc["inner/conv", "multiplications"] == 8 * 10 * 4 * 27
        assert table["share of the work"].sum() == 1
        assert inner.get_layer("conv")._inbound_nodes[0].outputs[0].shape == (None, None, None, 4)  # left as it was

    def test_unknown_size_is_said_to_be_unknown(self):
        picture = keras.Input((None, None, 3))
        x = L.Conv2D(4, 3, name="conv")(picture)
        table = functional(picture, L.Dense(2, name="dense")(L.GlobalAveragePooling2D()(x))).set_index("layer")
        assert table.loc["conv", "output shape"] == (None, None, 4)
        assert table.loc["conv", "multiplications"] is pd.NA
        assert table.loc["dense", "multiplications"] == 8
        assert table["share of the work"].isna().all()

    def test_plain_operations(self):
        picture = keras.Input((4, 4, 3), name="photo")
        table = functional(picture, keras.ops.relu(picture / 255 - 0.5) + picture).iloc[1:]
        assert table["type"].tolist() == ["true_divide", "subtract", "relu", "add"]
        assert table["hyperparameters"].tolist() == ["with 255", "with 0.5", "", ""]
        assert table["connections"].iloc[-1] == (table["layer"].iloc[2], "photo")

    def test_a_model_with_a_call_of_its_own_is_one_row(self):
        picture = keras.Input((8, 8, 3))
        x = L.Rescaling(1 / 255)(picture)
        table = functional(picture, L.Dense(2)(Tiny()(x)))
        assert table["type"].tolist() == ["InputLayer", "Rescaling", "Tiny", "Dense"]
        assert table.loc[2, "parameters"] == 3 * 3 * 3 * 4 + 4 + 4 * 2 + 2
        assert table.loc[2, "multiplications"] is pd.NA
        assert table["share of the work"].isna().all()

    def test_own_layer_with_a_matrix_is_not_guessed(self):
        found = row(Blend(), (3,))
        assert found["parameters"] == 12
        assert found["multiplications"] is pd.NA

    def test_several_outputs_of_a_layer(self):
        sequence = keras.Input((5, 2))
        output, hidden, cell = L.LSTM(3, return_sequences=True, return_state=True, name="lstm")(sequence)
        table = functional(sequence, [L.LSTM(2, name="next")(output), hidden, cell]).set_index("layer")
        assert table.loc["lstm", "output shape"] == [(5, 3), (3,), (3,)]
        assert table.loc["next", "multiplications"] == 5 * 4 * (3 * 2 + 2 * 2)
        assert not table["flags"].map(bool).any()

    def test_nothing_to_multiply(self):
        table = architecture(keras.Sequential([keras.Input((4, 4, 3)), L.MaxPooling2D()]))
        assert table["share of the work"].tolist() == [0, 0]

    def test_no_model(self):
        with pytest.raises(TypeError, match="Expected a Keras model, not str"):
            architecture("squeezenet")
        with pytest.raises(ValueError, match="no input shape"):
            architecture(keras.Sequential([L.Dense(1)]))


def test_receptive_fields_only_where_they_are_known():
    any_size = architecture(keras.Sequential([keras.Input((None, None, 3)), L.Conv2D(2, 3)]))
    words = architecture(keras.Sequential([keras.Input((4,)), L.Dense(2)]))
    for table in (any_size, words):
        assert table["receptive field"].isna().all()
        assert table["field is"].isna().all()
