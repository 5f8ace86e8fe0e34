import numpy as np
import pytest

from coursekit.networks.backend import keras
from coursekit.networks.graph import as_inputs, find_layer, steps
from coursekit.techniques import activations

layers = keras.layers
PICTURES = np.random.default_rng(0).uniform(0, 255, (3, 8, 8, 3)).astype(np.float32)


def names(model):
    return [step.name for step in steps(model)]


def agrees(model, inputs=PICTURES, atol=1e-5):
    """Check that the last steps give what the model gives in inference mode."""
    expected = keras.tree.flatten(model(inputs, training=False))
    every = activations(model, inputs)
    ends = [every[find_layer(model, output._keras_history.operation.name).name] for output in model.outputs]
    for ours, theirs in zip(ends, expected, strict=True):
        np.testing.assert_allclose(ours, theirs, atol=atol, rtol=1e-5)


def picture():
    return keras.Input((8, 8, 3), name="picture")


def block(name="block"):
    return keras.Sequential(
        [keras.Input((8, 8, 3)), layers.Conv2D(4, 3, name="conv"), layers.ReLU(name="relu")], name=name
    )


class TestSteps:
    def test_sequential(self):
        model = keras.Sequential([picture(), layers.Conv2D(4, 3, name="conv"), layers.Flatten(name="flat")])
        first, second, third = steps(model)
        assert (first.name, first.parents, first.shape) == ("picture", (), (8, 8, 3))
        assert (second.name, second.parents, second.shape) == ("conv", ("picture",), (6, 6, 4))
        assert (third.name, third.parents, third.shape) == ("flat", ("conv",), (144,))
        assert second.operation is model.layers[0]
        agrees(model)

    def test_functional_in_the_order_of_computation(self):
        x = picture()
        left, right = layers.Conv2D(4, 1, name="left")(x), layers.Conv2D(4, 1, name="right")(x)
        model = keras.Model(x, layers.Add(name="sum")([right, left]))
        assert names(model) == ["picture", "right", "left", "sum"]
        assert steps(model)[-1].parents == ("right", "left")
        agrees(model)

    def test_what_does_not_lead_to_the_output_is_no_step(self):
        x = picture()
        used = layers.Conv2D(4, 1, name="used")(x)
        layers.Conv2D(4, 1, name="unused")(x)
        assert names(keras.Model(x, used)) == ["picture", "used"]

    def test_nested_twice(self):
        inner = block("inner")
        x = keras.Input((8, 8, 3))
        middle = keras.Model(x, layers.Flatten(name="flat")(inner(x)), name="middle")
        outside = picture()
        model = keras.Model(outside, layers.Dense(2, name="dense")(middle(outside)), name="outer")
        assert names(model) == ["picture", "middle/inner/conv", "middle/inner/relu", "middle/flat", "dense"]
        assert steps(model)[1].parents == ("picture",)
        agrees(model)

    def test_the_same_network_twice(self):
        inner, left, right = block("twin"), keras.Input((8, 8, 3), name="left"), keras.Input((8, 8, 3), name="right")
        model = keras.Model([left, right], layers.Subtract(name="difference")([inner(left), inner(right)]))
        assert names(model) == [
            *("left", "right"),
            *("twin/conv", "twin/relu"),
            *("twin:2/conv", "twin:2/relu"),
            "difference",
        ]
        assert steps(model)[-1].parents == ("twin/relu", "twin:2/relu")
        agrees(model, [PICTURES, PICTURES[::-1]])

    def test_a_layer_called_twice(self):
        x, conv = picture(), layers.Conv2D(3, 3, padding="same", name="conv")
        model = keras.Model(x, conv(conv(x)))
        assert names(model) == ["picture", "conv", "conv:2"]
        once, twice = activations(model, PICTURES, ["conv", "conv:2"]).values()
        np.testing.assert_allclose(once, conv(PICTURES), atol=1e-4)
        np.testing.assert_allclose(twice, conv(conv(PICTURES)), atol=1e-2, rtol=1e-4)

    def test_a_layer_with_calls_outside_the_network(self):
        x, conv = picture(), layers.Conv2D(3, 1, name="conv")
        conv(keras.Input((5, 5, 3)))
        model = keras.Model(x, conv(x))
        assert steps(model)[1].shape == (8, 8, 3)
        agrees(model)

    def test_several_inputs_and_outputs(self):
        x, y = keras.Input((8, 8, 3), name="x"), keras.Input((5,), name="y")
        both = layers.Concatenate(name="both")([layers.Flatten(name="flat")(x), y])
        model = keras.Model({"x": x, "y": y}, [layers.Dense(2, name="a")(both), both])
        assert names(model)[:2] == ["x", "y"]
        inputs = {"x": PICTURES, "y": np.ones((3, 5), np.float32)}
        agrees(model, inputs)

    def test_plain_operations(self):
        x = picture()
        model = keras.Model(x, keras.ops.relu((x + 1) * x)[:, ::2] / 3)
        operations = [name.rstrip("_0123456789") for name in names(model)]  # Keras counts them through the process
        assert operations == ["picture", "add", "multiply", "relu", "get_item", "true_divide"]
        agrees(model, atol=1e-2)

    def test_an_operation_with_several_outputs(self):
        x = picture()
        left, right = keras.ops.split(layers.Conv2D(4, 1, name="conv")(x), 2, axis=-1)
        model = keras.Model(x, layers.Concatenate()([right, left]))
        (split,) = [step for step in steps(model) if "split" in step.name]
        assert split.shape == [(8, 8, 2), (8, 8, 2)]
        agrees(model)

    def test_networks_that_share_tensors(self):
        x = picture()
        middle = layers.Conv2D(4, 3, name="conv")(x)
        short, long = keras.Model(x, middle), keras.Model(x, layers.Flatten(name="flat")(middle))
        rest = keras.Model(middle, long.output)
        assert [names(model) for model in (short, long)] == [["picture", "conv"], ["picture", "conv", "flat"]]
        agrees(short)
        agrees(long)
        agrees(rest, np.asarray(short(PICTURES)))
        assert names(rest)[1:] == ["flat"]

    def test_a_network_with_its_own_call_is_one_step(self):
        class Own(keras.Model):
            def __init__(self):
                super().__init__(name="own")
                self.conv, self.drop = layers.Conv2D(4, 3), layers.Dropout(0.5)

            def call(self, x, training=None):
                return self.drop(self.conv(x), training=training)

        x, own = picture(), Own()
        model = keras.Model(x, layers.Flatten(name="flat")(own(x)))
        assert names(model) == ["picture", "own", "flat"]
        agrees(model)
        with pytest.raises(TypeError, match=r"Own computes in a call\(\) of its own.*keras\.Sequential or"):
            steps(own)

    def test_training_baked_in_is_inference_all_the_same(self):
        x = picture()
        inner = keras.Sequential([keras.Input((8, 8, 3)), layers.Dropout(0.5, name="drop")], name="inner")
        y = layers.Dropout(0.5, name="drop")(x, training=True)
        model = keras.Model(x, layers.BatchNormalization(name="norm")(inner(y, training=True), training=True))
        every = activations(model, PICTURES)
        np.testing.assert_array_equal(every["drop"], PICTURES)
        np.testing.assert_array_equal(every["inner/drop"], PICTURES)
        agrees(model)
        np.testing.assert_array_equal(model.get_layer("norm").moving_mean, 0)

    def test_types_are_cast_on_the_way_into_a_nested_network(self):
        x = keras.Input((8, 8, 3), dtype="uint8", name="bytes")
        model = keras.Model(x, block()(x))
        agrees(model, PICTURES.astype(np.uint8))

    def test_a_sequential_network_that_grew(self):
        model = keras.Sequential([picture(), layers.Conv2D(4, 3, name="conv")])
        assert names(model) == ["picture", "conv"]
        model.add(layers.Flatten(name="flat"))
        assert names(model) == ["picture", "conv", "flat"]
        assert activations(model, PICTURES, "flat").shape == (3, 144)
        model.pop()
        assert names(model) == ["picture", "conv"]

    def test_a_sequential_network_without_input_shape(self):
        with pytest.raises(ValueError, match=r"no input shape yet. Begin it with keras.Input\(shape\)"):
            steps(keras.Sequential([layers.Conv2D(4, 3)]))

    @pytest.mark.parametrize("what", [None, "squeezenet", layers.Dense(3), lambda x: x, keras.Model])
    def test_no_network(self, what):
        with pytest.raises(TypeError, match=r"Expected a Keras model, not \w+; squeezenet\(\) or load_network"):
            steps(what)


class TestFindLayer:
    @pytest.fixture
    def model(self):
        x = picture()
        return keras.Model(x, layers.Add(name="sum")([block("a")(x), block("b")(x)]))

    def test_by_whole_name(self, model):
        assert find_layer(model, "a/conv").operation is model.get_layer("a").get_layer("conv")

    def test_a_nested_network_stands_for_what_comes_out_of_it(self, model):
        assert find_layer(model, "b").name == "b/relu"

    def test_a_short_name_must_be_the_only_one(self, model):
        with pytest.raises(ValueError, match="Several layers are called 'conv': write one of 'a/conv', 'b/conv'"):
            find_layer(model, "conv")
        alone = keras.Model(model.input, block("only")(model.input))
        assert find_layer(alone, "conv").name == "only/conv"

    def test_an_unknown_name(self, model):
        with pytest.raises(ValueError, match=r"There is no layer 'summ'. Did you mean 'sum'\?"):
            find_layer(model, "summ")

    @pytest.mark.parametrize("name", [3, None, b"sum", ["sum"]])
    def test_no_name(self, name, model):
        with pytest.raises(TypeError, match="A layer is named by a string such as 'sum'"):
            find_layer(model, name)


APPLICATIONS = {
    "MobileNetV3Small": (64, "expanded_conv_3_expand"),
    "ResNet50": (64, "conv3_block2_out"),
    "EfficientNetB0": (64, "block3a_expand_activation"),
    "DenseNet121": (64, "conv3_block4_concat"),
}


class TestApplications:
    @pytest.mark.parametrize("name", APPLICATIONS)
    def test_the_same_as_keras(self, name):
        size, layer = APPLICATIONS[name]
        model = getattr(keras.applications, name)(weights=None, input_shape=(size, size, 3), classes=7)
        with_noise(model)
        inputs = np.random.default_rng(1).uniform(0, 1, (2, size, size, 3)).astype(np.float32)
        cut = keras.Model(model.input, [model.get_layer(layer).output, model.output])
        expected = cut(inputs, training=False)
        ours = activations(model, inputs, [layer, model.layers[-1].name])
        for found, wanted in zip(ours.values(), expected, strict=True):
            scale = np.abs(wanted).max()
            assert scale > 0
            np.testing.assert_allclose(found / scale, wanted / scale, atol=1e-5)
        assert len(steps(model)) == len(model.operations)

    def test_a_whole_network_as_one_layer(self):
        base = keras.applications.VGG16(weights=None, include_top=False, input_shape=(32, 32, 3))
        model = keras.Sequential(
            [keras.Input((32, 32, 3)), layers.RandomFlip(), base, layers.Flatten(), layers.Dense(3)]
        )
        inputs = np.random.default_rng(1).uniform(0, 1, (2, 32, 32, 3)).astype(np.float32)
        inner = keras.Model(base.input, base.get_layer("block2_conv1").output)
        np.testing.assert_allclose(
            activations(model, inputs, "block2_conv1"), inner(inputs, training=False), atol=1e-5, rtol=1e-5
        )
        agrees(model, inputs)


def with_noise(model):
    """Give normalisation layers something to do: fresh ones have mean 0 and variance 1."""
    rng = np.random.default_rng(0)
    for layer in model.layers:
        if isinstance(layer, layers.BatchNormalization):
            layer.set_weights([rng.uniform(0.5, 1.5, weight.shape) for weight in layer.weights])


class TestNestedWithSeveralInputsOrOutputs:
    def subtraction(self):
        first, second = keras.Input((8, 8, 1), name="photo"), keras.Input((8, 8, 1), name="depth")
        return keras.Model([first, second], layers.Subtract(name="minus")([first, second]), name="pair")

    @pytest.mark.parametrize(
        "call", [lambda a, b: {"photo": a, "depth": b}, lambda a, b: {"depth": b, "photo": a}, lambda a, b: [a, b]]
    )
    def test_inputs_are_paired_by_name(self, call):
        a, b = keras.Input((8, 8, 1), name="a"), keras.Input((8, 8, 1), name="b")
        model = keras.Model([a, b], self.subtraction()(call(a, b)))
        five, two = np.full((1, 8, 8, 1), 5.0), np.full((1, 8, 8, 1), 2.0)
        assert (activations(model, [five, two], "minus") == 3).all()

    def test_built_from_a_dict(self):
        x, y = keras.Input((8, 8, 1), name="first"), keras.Input((8, 8, 1), name="second")
        inner = keras.Model({"photo": x, "depth": y}, layers.Subtract(name="minus")([x, y]), name="pair")
        a, b = keras.Input((8, 8, 1), name="a"), keras.Input((8, 8, 1), name="b")
        model = keras.Model([a, b], inner({"photo": a, "depth": b}))
        five, two = np.full((1, 8, 8, 1), 5.0), np.full((1, 8, 8, 1), 2.0)
        assert (activations(model, [five, two], "minus") == 3).all()
        for inputs in ({"photo": five, "depth": two}, {"first": five, "second": two}):
            assert (activations(inner, inputs, "minus") == 3).all()
        with pytest.raises(ValueError, match="give a dict with the keys 'photo', 'depth', not a list"):
            activations(inner, [five, two], "minus")

    def test_a_mask_is_refused(self):
        x, mask = keras.Input((8, 3)), keras.Input((8,), dtype="bool")
        y = keras.Input((8, 3))
        inner = keras.Model(y, layers.Dense(2)(y), name="inner")
        model = keras.Model([x, mask], inner(x, mask=mask))
        with pytest.raises(ValueError, match="'inner' is called with a mask"):
            steps(model)

    def test_several_outputs_are_named(self):
        x, z = picture(), picture()
        heads = keras.Model(
            x, [layers.Conv2D(7, 1, name="classes")(x), layers.Conv2D(2, 1, name="mask")(x)], name="heads"
        )
        model = keras.Model(z, heads(z))
        with pytest.raises(ValueError, match="'heads' has 2 outputs: write one of 'heads/classes', 'heads/mask'"):
            find_layer(model, "heads")

    def test_by_name_two_levels_deep_and_not_the_last_step(self):
        x, y, z = picture(), picture(), picture()
        late = layers.Conv2D(4, 3, name="late")(x)
        inner = keras.Model(x, [layers.Conv2D(2, 1, name="out")(x)], name="inner")
        assert late is not None
        outer = keras.Model(y, inner(y), name="outer")
        model = keras.Model(z, outer(z))
        assert find_layer(model, "inner").name == "outer/inner/out"
        assert find_layer(model, "outer/inner").name == "outer/inner/out"
        assert find_layer(model, "outer").name == "outer/inner/out"


class TestAsInputs:
    @pytest.fixture
    def two(self):
        x, y = keras.Input((8, 8, 3), name="photo"), keras.Input((2,), name="place")
        return keras.Model([x, y], layers.Concatenate()([layers.Flatten()(x), y]))

    def test_one_picture_and_many(self):
        (batch,), alone = as_inputs(block(), PICTURES)
        assert (batch.shape, alone) == ((3, 8, 8, 3), False)
        (batch,), alone = as_inputs(block(), PICTURES[0])
        assert (batch.shape, alone) == ((1, 8, 8, 3), True)

    @pytest.mark.parametrize("inputs", [[PICTURES, np.zeros((3, 2))], {"place": np.zeros((3, 2)), "photo": PICTURES}])
    def test_several_inputs(self, inputs, two):
        (photo, place), alone = as_inputs(two, inputs)
        assert (photo.shape, place.shape, alone) == ((3, 8, 8, 3), (3, 2), False)

    @pytest.mark.parametrize(
        ("inputs", "error", "words"),
        [
            (PICTURES, TypeError, "takes 2 inputs: give a list of arrays for photo, place"),
            ([PICTURES], TypeError, "takes 2 inputs"),
            ({"photo": PICTURES}, ValueError, "'place' is missing"),
            ([PICTURES, np.zeros((2, 2))], ValueError, r"differ in their number of pictures: \[3, 2\]"),
            ([PICTURES, np.zeros((3, 3))], ValueError, r"this network takes 2"),
            ([PICTURES, np.zeros((3, 2, 1))], ValueError, r"'place' takes finite numbers of shape \(2,\)"),
            ([PICTURES, np.full((3, 2), np.nan)], ValueError, "finite numbers"),
        ],
    )
    def test_several_inputs_that_do_not_fit(self, inputs, error, words, two):
        with pytest.raises(error, match=words):
            as_inputs(two, inputs)

    def test_a_wrong_size_says_what_mends_it(self):
        with pytest.raises(ValueError, match=r"is 9 x 8 x 3, but this network takes 8 x 8 x 3\. resize\(image, 8\)"):
            as_inputs(block(), np.zeros((9, 8, 3)))
        wide = keras.Sequential([keras.Input((4, 8, 3)), layers.Flatten()])
        with pytest.raises(ValueError, match=r"resize\(image, \(4, 8\)\) mends it"):
            as_inputs(wide, PICTURES)

    def test_wrong_channels_cannot_be_resized_away(self):
        with pytest.raises(ValueError, match="but this network takes 8 x 8 x 3") as caught:
            as_inputs(block(), np.zeros((8, 8, 1)))
        assert "resize" not in str(caught.value)
