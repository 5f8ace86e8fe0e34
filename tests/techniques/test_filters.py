import numpy as np
import pytest

from coursekit import activations, describe_filters, filters, picture_filters, squeezenet, with_preprocessing
from coursekit.networks.backend import keras, tf

layers = keras.layers
RANDOM = np.random.default_rng(0)
PICTURES = RANDOM.integers(0, 256, (2, 9, 9, 4)).astype(np.float32)


def network(*steps, channels=3):
    model = keras.Sequential([keras.Input((9, 9, channels), name="picture"), *steps])
    for weight in model.weights:  # Keras starts biases at zero
        if "moving" not in weight.name:
            weight.assign(np.random.default_rng(1).normal(size=weight.shape))
    return model


@pytest.fixture(scope="module")
def squeeze():
    return squeezenet()


class TestFilters:
    @pytest.mark.parametrize(
        ("layer", "shape"),
        [
            (layers.Conv2D(6, (3, 5)), (3, 5, 4, 6)),
            (layers.Conv2D(6, 3, groups=2), (3, 3, 2, 6)),
            (layers.DepthwiseConv2D(3, depth_multiplier=2), (3, 3, 1, 8)),
            (layers.SeparableConv2D(6, 3, depth_multiplier=2), (3, 3, 4, 6)),
            (layers.Dense(6), (1, 1, 4, 6)),
        ],
        ids=lambda value: getattr(value, "name", None),
    )
    def test_by_hand_they_give_what_the_layer_answers(self, layer, shape):
        model = network(layer, channels=4)
        found = filters(model, layer.name)
        assert found.shape == shape
        assert found.dtype == np.float32
        height, width, sees, outputs = shape
        answer = activations(model, PICTURES[0], layer.name)[1, 2]
        bias = np.asarray(layer.bias)
        for i in range(outputs):
            first = i // (outputs // (4 // sees)) * sees  # of the channels that this kernel sees
            patch = PICTURES[0, 1 : 1 + height, 2 : 2 + width, first : first + sees]
            np.testing.assert_allclose((patch * found[..., i]).sum() + bias[i], answer[i], rtol=1e-4, atol=0.02)

    def test_of_a_transposed_convolution_in_comes_before_out(self):
        model = network(layers.Conv2DTranspose(5, 3, use_bias=False, name="up"), channels=4)
        picture = np.zeros((9, 9, 4))
        picture[4, 4, 2] = 1
        found = filters(model, "up")
        assert found.shape == (3, 3, 4, 5)
        np.testing.assert_allclose(activations(model, picture, "up")[4:7, 4:7], found[:, :, 2], atol=1e-6)

    def test_they_are_a_copy(self):
        model = network(layers.Conv2D(2, 3, name="conv"))
        filters(model, "conv")[:] = 0
        assert np.abs(filters(model, "conv")).min() > 0

    def test_float32_of_half_precision_too(self):
        model = network(layers.Conv2D(2, 3, dtype="bfloat16", name="conv"))
        assert filters(model, "conv").dtype == np.float32

    def test_inside_a_nested_model(self):
        x = keras.Input((9, 9, 3))
        inner = network(layers.Conv2D(2, 3, name="conv"))
        outer = keras.Model(x, layers.Dense(3, name="out")(layers.Flatten()(inner(x))))
        np.testing.assert_array_equal(filters(outer, "conv"), filters(inner, "conv"))
        np.testing.assert_array_equal(filters(outer, f"{inner.name}/conv"), filters(inner, "conv"))
        assert filters(outer, "out").shape == (1, 1, 98, 3)

    @pytest.mark.parametrize(
        ("layer", "said"),
        [
            ("relu", r"'relu' \(ReLU\) has no kernels\. The nearest that do: 'first' and 'second'\."),
            ("picture", r"has no kernels\. The nearest that do: 'first'\."),
            ("end", r"has no kernels\. The nearest that do: 'second'\."),
            ("frist", r"There is no layer 'frist'\. Did you mean 'first'"),
        ],
    )
    def test_layers_without(self, layer, said):
        model = network(
            layers.Conv2D(2, 3, name="first"),
            layers.ReLU(name="relu"),
            layers.BatchNormalization(name="norm"),
            layers.Conv2D(2, 3, name="second"),
            layers.Softmax(name="end"),
        )
        with pytest.raises(ValueError, match=said):
            filters(model, layer)

    def test_kernels_of_another_kind(self):
        model = keras.Sequential([keras.Input((50, 2)), layers.Conv1D(4, 5, name="conv")])
        with pytest.raises(ValueError, match=r"'conv' \(Conv1D\) has kernels of another kind than these here"):
            filters(model, "conv")

    def test_in_a_wrapper(self):
        inner = layers.Conv2D(4, 3)
        model = keras.Sequential([keras.Input((5, 12, 12, 3)), layers.TimeDistributed(inner, name="each")])
        np.testing.assert_array_equal(filters(model, "each"), inner.kernel)

    def test_with_an_adapter(self):
        model = network(layers.Conv2D(4, 3, name="conv"))
        layer = model.get_layer("conv")
        before = filters(model, "conv")
        layer.enable_lora(2)
        layer.lora_kernel_b.assign(np.ones(layer.lora_kernel_b.shape))
        assert np.abs(filters(model, "conv") - before).max() > 1e-4
        np.testing.assert_allclose(filters(model, "conv"), np.asarray(layer.kernel), rtol=1e-5)

    def test_two_inputs_and_no_picture_are_said(self):
        a, b = keras.Input((16, 16, 3)), keras.Input((4,))
        both = layers.Concatenate()([layers.GlobalAveragePooling2D()(layers.Conv2D(4, 3, name="conv")(a)), b])
        with pytest.raises(ValueError, match=r"this one takes \(16, 16, 3\) and \(4,\)"):
            picture_filters(keras.Model([a, b], both), "conv")
        grey = keras.Sequential([keras.Input((28, 28)), layers.Reshape((28, 28, 1)), layers.Conv2D(3, 3, name="conv")])
        with pytest.raises(ValueError, match=r"this one takes \(28, 28\)"):
            picture_filters(grey, "conv")

    def test_a_network_without(self):
        with pytest.raises(ValueError, match="No layer of this network has any"):
            filters(network(layers.ReLU(name="relu")), "relu")
        with pytest.raises(ValueError, match="no layer with kernels"):
            picture_filters(network(layers.ReLU(name="relu")))

    def test_no_model(self):
        with pytest.raises(TypeError, match="Expected a Keras model"):
            filters(None, "conv1")


class Mixing(layers.Layer):
    """Preprocessing written by a user."""

    def __init__(self, function):
        super().__init__()
        self.function = function

    def call(self, x):
        return self.function(x)


class TestPictureFilters:
    def test_squeezenet_stores_blue_green_red(self, squeeze):
        stored = filters(squeeze, "conv1")
        assert stored.shape == (3, 3, 3, 64)
        found = picture_filters(squeeze)
        np.testing.assert_allclose(found, stored[:, :, ::-1], atol=1e-6)
        # Channel 22 in MATLAB's count answers to red and blue, and against green.
        red, green, blue = found[..., 21].sum(axis=(0, 1))
        assert red > 1
        assert blue > 1
        assert green < -2

    @pytest.mark.parametrize(
        "before",
        [
            [],
            [layers.Rescaling([1 / 50, 1 / 60, 1 / 70], offset=[-1, -2, -3])],
            [Mixing(lambda x: x[..., ::-1] - 100), layers.ZeroPadding2D(1)],
            [layers.Normalization(mean=[1, 2, 3], variance=[4, 9, 16])],
            [Mixing(lambda x: x @ keras.ops.array([[1.0, 2], [0, 1], [-1, 3]]))],  # to two channels
            [Mixing(lambda x: keras.ops.mean(x, axis=-1, keepdims=True))],  # to grey
        ],
        ids=["nothing", "rescaling", "padding", "normalization", "two channels", "grey"],
    )
    def test_they_say_how_the_answer_follows_the_picture(self, before):
        model = network(*before, layers.Conv2D(4, 3, strides=2, padding="same", name="conv"))
        found = picture_filters(model, "conv")
        assert found.shape == (3, 3, 3, 4)
        picture, changed = PICTURES[0, ..., :3], PICTURES[1, ..., :3]
        one, other = activations(model, np.stack([picture, changed]), "conv")
        # "same" pads one pixel: output 2 looks at pixels 3 to 5; behind a padding of one more, at 2 to 4.
        first = 3 - any(isinstance(layer, layers.ZeroPadding2D) for layer in before)
        there = slice(first, first + 3)
        expected = np.einsum("yxc,yxco->o", (changed - picture)[there, there], found)
        np.testing.assert_allclose((other - one)[2, 2], expected, rtol=1e-3, atol=0.01)

    def test_preprocessing_put_in_front(self):
        inner = network(layers.Conv2D(4, 3, name="conv"))
        model = with_preprocessing(inner, keras.applications.vgg16.preprocess_input)
        np.testing.assert_allclose(picture_filters(model), filters(inner, "conv")[:, :, ::-1], rtol=1e-4, atol=1e-5)

    def test_whole_numbers_and_any_size(self):
        model = keras.Sequential(
            [keras.Input((None, None, 3), dtype="uint8"), layers.Rescaling(1 / 255), layers.Conv2D(4, 3, name="conv")]
        )
        np.testing.assert_allclose(picture_filters(model), filters(model, "conv") / 255, rtol=1e-3, atol=1e-7)

    def test_a_network_from_keras_applications(self):
        model = keras.applications.MobileNetV3Small((64, 64, 3), weights=None)
        stored = filters(model, "conv")
        np.testing.assert_allclose(picture_filters(model), stored / 127.5, rtol=1e-3, atol=1e-6)

    @pytest.mark.parametrize(
        "before",
        [
            layers.Conv2D(3, 1, activation="relu"),
            layers.Conv2D(3, 3),
            layers.Resizing(7, 7),
            Mixing(lambda x: tf.image.per_image_standardization(x)),
            Mixing(lambda x: keras.ops.square(x)),
            layers.Flatten(),
        ],
        ids=["relu", "convolution", "resizing", "standardisation", "square", "flatten"],
    )
    def test_layers_that_do_not_look_at_colours(self, before):
        after = layers.Dense(2, name="last") if isinstance(before, layers.Flatten) else layers.Conv2D(2, 3, name="last")
        with pytest.raises(ValueError, match=r"Before 'last' lies more than a fixed mixing of each pixel's colours"):
            picture_filters(network(before, after), "last")

    def test_a_depthwise_kernel_sees_one_channel_only(self):
        with pytest.raises(ValueError, match="do not look at colours"):
            picture_filters(network(layers.DepthwiseConv2D(3, name="depth")))


GREY, RED_GREEN, MAGENTA = np.array([1, 1, 1]), np.array([1, -1, 0]), np.array([0.5, -1, 0.5])


def places(size):
    middle = (size - 1) / 2
    return np.meshgrid(np.arange(size) - middle, middle - np.arange(size))  # x to the right, y up


def slope(towards, size=3, colour=GREY):
    """Rises towards an angle in degrees."""
    x, y = places(size)
    return (x * np.cos(np.radians(towards)) + y * np.sin(np.radians(towards)))[..., np.newaxis] * colour


def ridge(angle, size=3, colour=GREY):
    """A parabola, highest along a line at an angle in degrees."""
    across = slope(angle + 90, size, np.ones(1)) ** 2
    return (across.mean() - across) * colour


def spot(size=3, colour=GREY):
    x, y = places(size)
    squared = (x**2 + y**2)[..., np.newaxis]
    return (squared.mean() - squared) * colour


def described(*kernels):
    return describe_filters(np.stack(kernels, axis=-1))


class TestDescribeFilters:
    @pytest.mark.parametrize("size", [3, 4, 5, 7, 11])
    def test_edges_at_every_angle(self, size):
        angles = np.arange(0, 360, 7.5)
        table = described(*(slope(a, size) for a in angles))
        assert set(table["kind"]) == {"edge"}
        np.testing.assert_allclose((table["towards"] - angles + 180) % 360, 180, atol=0.01)
        np.testing.assert_allclose((table["angle"] - angles) % 180, 90, atol=0.01)
        assert table["angle"].between(0, 180, inclusive="left").all()
        np.testing.assert_allclose(table["explained"], 1)

    @pytest.mark.parametrize("size", [3, 4, 5, 7, 11])
    def test_lines_at_every_angle(self, size):
        angles = np.arange(0, 180, 7.5)
        table = described(*(ridge(a, size) for a in angles))
        assert set(table["kind"]) == {"line"}
        np.testing.assert_allclose((table["angle"] - angles + 90) % 180, 90, atol=1)
        assert table["towards"].isna().all()
        assert set(table["colour"]) == {"white"}

    @pytest.mark.parametrize(("size", "width"), [(5, 1.5), (7, 2), (11, 2)])
    def test_derivatives_of_a_gaussian(self, size, width):
        x, y = places(size)
        window = np.exp(-(x**2 + y**2) / (2 * width**2))[..., np.newaxis]
        angles = np.arange(0, 180, 15)
        edges = described(*(slope(a + 90, size) * window for a in angles))
        assert set(edges["kind"]) == {"edge"}
        np.testing.assert_allclose((edges["angle"] - angles + 90) % 180, 90, atol=0.01)
        lines = [(1 - slope(a + 90, size) ** 2 / width**2) * window for a in angles]
        lines = described(*(line - line.mean() for line in lines))
        assert set(lines["kind"]) == {"line"}
        np.testing.assert_allclose((lines["angle"] - angles + 90) % 180, 90, atol=5)

    def test_what_the_eye_calls_a_standing_and_a_lying_edge(self):
        right = np.array([[-1, 0, 1]] * 3)[..., np.newaxis] * GREY
        table = described(right, np.swapaxes(right, 0, 1))  # brighter at the right; brighter at the bottom
        assert table["angle"].tolist() == [90, 0]
        assert table["towards"].tolist() == [0, 270]

    def test_blobs_and_colours(self):
        flat = np.ones((3, 3, 1))
        table = described(spot(), -spot(), spot(colour=RED_GREEN), flat * MAGENTA, -flat * MAGENTA, flat * GREY)
        assert table["kind"].tolist() == ["blob", "blob", "blob", "colour", "colour", "colour"]
        assert table["colour"].tolist() == ["white", "black", "pink", "magenta", "green", "white"]
        np.testing.assert_allclose(table["colour share"], [0, 0, 1, 1, 1, 0], atol=1e-9)
        np.testing.assert_allclose(table.loc[3, ["red", "green", "blue"]].astype(float), MAGENTA / np.sqrt(1.5))
        assert table["angle"].isna().all()

    def test_the_share_of_colour(self):
        share = described(slope(30, colour=np.array([2, 1, 0])))["colour share"]
        np.testing.assert_allclose(share, 2 / 5)  # (2, 1, 0) is (1, 1, 1) and (1, 0, -1): squares 3 and 2

    @pytest.mark.parametrize(
        ("colour", "name"),
        [((1, 0, 0), "red"), ((1, 1, 0), "yellow"), ((0, 1, 0), "green"), ((0, 0, 1), "blue"), ((-1, 0, 0), "cyan")],
    )
    def test_names_of_colours(self, colour, name):
        assert described(np.ones((3, 3, 1)) * np.array(colour))["colour"].tolist() == [name]

    def test_edges_between_colours_point_to_the_redder_side(self):
        orange_to_blue = np.array([-1, 0, 1])
        table = described(slope(20, colour=orange_to_blue), slope(200, colour=-orange_to_blue))
        np.testing.assert_allclose(table["towards"], 200)
        np.testing.assert_allclose(table["angle"], 110)

    @pytest.mark.parametrize("factor", [0.001, 1000])
    def test_a_positive_factor_changes_the_strength_only(self, factor, squeeze):
        kernels = picture_filters(squeeze)
        one, other = describe_filters(kernels), describe_filters(factor * kernels.astype(np.float64))
        np.testing.assert_allclose(other.pop("strength"), factor * one.pop("strength"))
        for column in one:
            if one[column].dtype == float:
                np.testing.assert_allclose(other[column], one[column], atol=1e-5)
            else:
                assert (other[column] == one[column]).all()

    def test_a_negative_one_turns_it_round(self, squeeze):
        kernels = picture_filters(squeeze)
        one, other = describe_filters(kernels), describe_filters(-kernels)
        assert (one["kind"] == other["kind"]).all()
        np.testing.assert_allclose(one["angle"], other["angle"])
        edges = one["kind"] == "edge"
        np.testing.assert_allclose((one["towards"] - other["towards"])[edges] % 360, 180, atol=1e-5)
        blobs = one["kind"].isin(["blob", "colour", "line"])
        np.testing.assert_allclose(one.loc[blobs, "green"], -other.loc[blobs, "green"])

    def test_a_quarter_turn_turns_the_angle(self, squeeze):
        kernels = picture_filters(squeeze)
        one, other = describe_filters(kernels), describe_filters(np.rot90(kernels))  # counterclockwise
        assert (one["kind"] == other["kind"]).all()
        directed = one["kind"].isin(["edge", "line"])
        np.testing.assert_allclose((other["angle"] - one["angle"])[directed] % 180, 90, atol=1e-5)

    def test_two_patterns_in_one_kernel_are_other(self):
        patterns = [slope(0), spot(), slope(90)]
        mixed = sum(p / np.linalg.norm(p) * colour for p, colour in zip(patterns, np.eye(3), strict=True))
        table = described(mixed, mixed * [3, 1, 1])  # the second is nearly all red, and that is an edge
        assert table["kind"].tolist() == ["other", "edge"]
        np.testing.assert_allclose(table["explained"], [1 / 3, 9 / 11], atol=1e-6)

    def test_odd_without_a_brighter_side_is_no_edge(self):
        x, y = places(3)
        pattern = (y * (x**2 - 2 / 3))[..., np.newaxis] * GREY  # bright over dark, and the other way round beside it
        assert described(pattern)["kind"].tolist() == ["other"]

    def test_random_kernels_are_mostly_other(self):
        table = describe_filters(np.random.default_rng(0).normal(size=(3, 3, 3, 500)))
        assert (table["kind"] == "other").mean() > 0.85

    def test_a_dead_kernel(self):
        table = described(np.zeros((3, 3, 3)), slope(0))
        assert table["kind"].tolist() == ["other", "edge"]
        assert table.loc[0, ["explained", "colour share", "strength"]].tolist() == [0, 0, 0]

    def test_grey_kernels(self):
        table = describe_filters(np.stack([slope(30), ridge(40)], axis=-1)[:, :, :1])
        assert table["kind"].tolist() == ["edge", "line"]
        np.testing.assert_allclose(table["angle"], [120, 40], atol=1)
        np.testing.assert_allclose(table["colour share"], 0, atol=1e-9)

    def test_what_squeezenet_has_learnt(self, squeeze):
        table = describe_filters(picture_filters(squeeze))
        counts = table["kind"].value_counts()
        assert counts["edge"] >= 20
        assert counts["line"] >= 10
        kinds = table.set_index("channel")["kind"]
        # What anyone sees: lying and standing lines and edges, a dark and a bright spot, green, magenta, red.
        assert kinds[[10, 37, 15, 49, 55, 9, 50, 6, 21, 47]].tolist() == (
            ["line"] * 3 + ["edge"] * 2 + ["blob"] * 2 + ["colour"] * 3
        )
        assert table["colour"][[9, 50, 6, 21, 47]].tolist() == ["black", "white", "green", "magenta", "red"]

    @pytest.mark.parametrize(
        ("kernels", "error", "said"),
        [
            (np.zeros((3, 3, 64, 8)), ValueError, r"as picture_filters\(model\) gives .*, not \(3, 3, 64, 8\)"),
            (np.zeros((3, 3, 3)), ValueError, r"not \(3, 3, 3\)"),
            (np.zeros((1, 1, 3, 8)), ValueError, "3 or more"),
            (np.full((3, 3, 3, 1), np.nan), ValueError, "NaN"),
            ("conv1", TypeError, "real numbers"),
        ],
    )
    def test_bad_input(self, kernels, error, said):
        with pytest.raises(error, match=said):
            describe_filters(kernels)
