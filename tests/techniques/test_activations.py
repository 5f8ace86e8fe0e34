import numpy as np
import pytest

from coursekit import (
    ChannelExplorer,
    activations,
    channel,
    channel_statistics,
    near_zero_channels,
    neuron,
    receptive_field,
    strongest_channel,
    top_patches,
    unit_activations,
)
from coursekit.networks.backend import keras, tf
from coursekit.networks.graph import find_layer, steps

layers = keras.layers
PICTURES = np.random.default_rng(0).integers(0, 256, (7, 8, 8, 3)).astype(np.uint8)


def plain():
    return keras.Sequential(
        [
            keras.Input((8, 8, 3), name="picture"),
            layers.Conv2D(4, 3, name="conv"),
            layers.ReLU(name="relu"),
            layers.GlobalAveragePooling2D(name="pool"),
            layers.Dense(5, name="dense"),
        ]
    )


@pytest.fixture(scope="module")
def model():
    return plain()


class TestWhichLayers:
    def test_all_in_the_order_of_computation(self, model):
        every = activations(model, PICTURES)
        assert list(every) == ["picture", "conv", "relu", "pool", "dense"]
        assert [array.shape for array in every.values()] == [
            (7, 8, 8, 3), (7, 6, 6, 4), (7, 6, 6, 4), (7, 4), (7, 5)
        ]  # fmt: skip
        assert {array.dtype for array in every.values()} == {np.dtype(np.float32)}

    def test_values(self, model):
        every, x = activations(model, PICTURES), PICTURES.astype(np.float32)
        for name, array in every.items():
            x = x if name == "picture" else np.asarray(model.get_layer(name)(x))
            np.testing.assert_allclose(array, x, atol=1e-3, rtol=1e-5)

    def test_one_name_gives_one_array(self, model):
        np.testing.assert_allclose(
            activations(model, PICTURES, "relu"), activations(model, PICTURES)["relu"], rtol=1e-6
        )

    def test_several_names_in_the_order_asked(self, model):
        found = activations(model, PICTURES, ["pool", "conv", "pool"])
        assert list(found) == ["pool", "conv"]
        np.testing.assert_allclose(found["pool"], np.maximum(found["conv"], 0).mean((1, 2)), rtol=1e-5, atol=1e-4)

    @pytest.mark.parametrize("names", [("conv",), iter(["conv"]), {"conv": 1}, np.array(["conv"])])
    def test_any_collection_of_names(self, names, model):
        assert list(activations(model, PICTURES, names)) == ["conv"]

    def test_short_names_inside_nested_networks(self, model):
        x = keras.Input((8, 8, 3))
        outer = keras.Model(x, layers.Dense(2, name="out")(plain()(x)))
        found = activations(outer, PICTURES, ["conv", "out"])
        assert [name.rpartition("/")[2] for name in found] == ["conv", "out"]
        assert next(iter(found)) == find_layer(outer, "conv").name

    def test_a_layer_with_several_outputs_gives_a_list(self):
        x = keras.Input((8, 8, 3))
        states = layers.LSTM(4, return_state=True, name="lstm")(layers.Reshape((64, 3))(x))
        model = keras.Model(x, layers.Add()(states))
        for size in (2, 32):
            found = activations(model, PICTURES, "lstm", batch_size=size)
            assert [array.shape for array in found] == [(7, 4)] * 3
        assert [array.shape for array in activations(model, PICTURES[0], "lstm")] == [(4,)] * 3

    @pytest.mark.parametrize(
        ("names", "error", "words"),
        [
            ("con", ValueError, r"There is no layer 'con'\. Did you mean 'conv'\?"),
            (["relu", "Dense"], ValueError, r"There is no layer 'Dense'\. Did you mean 'dense'\?"),
            ("zzz", ValueError, r"There are 5, for example 'picture', 'conv', 'relu'\."),
            ([], ValueError, "No layer was asked for"),
            (3, TypeError, "A layer is named by a string such as 'dense', not 3"),
            ([None], TypeError, "named by a string"),
        ],
    )
    def test_what_is_no_layer(self, names, error, words, model):
        with pytest.raises(error, match=words):
            activations(model, PICTURES, names)


class TestWhichPictures:
    def test_what_goes_in_alone_comes_out_alone(self, model):
        alone, batch = activations(model, PICTURES[0]), activations(model, PICTURES[:1])
        for name in alone:
            assert alone[name].shape == batch[name].shape[1:]
            np.testing.assert_array_equal(alone[name], batch[name][0])
        assert activations(model, PICTURES[0], "dense").shape == (5,)

    @pytest.mark.parametrize("size", [1, 2, 3, 6, 7, 8])
    def test_batches_give_the_same_as_all_at_once(self, size, model):
        whole, parts = activations(model, PICTURES), activations(model, PICTURES, batch_size=size)
        for name in whole:
            np.testing.assert_allclose(parts[name], whole[name], rtol=1e-5, atol=1e-3)

    @pytest.mark.parametrize("convert", [np.float32, np.float64, np.float16, np.int64, np.uint8])
    def test_the_type_of_the_numbers_does_not_matter(self, convert, model):
        found = activations(model, PICTURES.astype(convert), "dense")
        assert found.dtype == np.float32
        np.testing.assert_array_equal(found, activations(model, PICTURES, "dense"))

    @pytest.mark.parametrize(
        "collect", [list, tuple, lambda x: tf.constant(x), lambda x: x.tolist(), np.asfortranarray]
    )
    def test_lists_and_tensors(self, collect, model):
        np.testing.assert_array_equal(
            activations(model, collect(PICTURES), "conv"), activations(model, PICTURES, "conv")
        )

    def test_the_pictures_are_left_as_they_were(self, model):
        for dtype in (np.uint8, np.float32):
            pictures = PICTURES.astype(dtype)
            every = activations(model, pictures)
            np.testing.assert_array_equal(pictures, PICTURES)
            pictures[:] = 0  # and what was returned does not change with them
            np.testing.assert_array_equal(every["picture"], PICTURES)

    def test_several_inputs(self):
        x, y = keras.Input((8, 8, 3), name="photo"), keras.Input((2,), name="place")
        model = keras.Model([x, y], layers.Concatenate(name="both")([layers.Flatten()(x), y]))
        places = np.arange(14).reshape(7, 2)
        in_list = activations(model, [PICTURES, places], "both", batch_size=3)
        in_dict = activations(model, {"place": places, "photo": PICTURES}, "both")
        np.testing.assert_array_equal(in_list, np.concatenate([PICTURES.reshape(7, -1), places], axis=1))
        np.testing.assert_array_equal(in_list, in_dict)
        np.testing.assert_array_equal(activations(model, [PICTURES[2], places[2]], "both"), in_list[2])

    def test_any_size_where_the_network_takes_any(self):
        model = keras.Sequential([keras.Input((None, None, 3)), layers.Conv2D(4, 3, name="conv")])
        assert activations(model, PICTURES, "conv").shape == (7, 6, 6, 4)
        assert activations(model, np.zeros((5, 9, 3)), "conv").shape == (3, 7, 4)

    def test_one_channel(self):
        model = keras.Sequential([keras.Input((8, 8, 1)), layers.Conv2D(4, 3, name="conv")])
        assert activations(model, PICTURES[..., :1], "conv").shape == (7, 6, 6, 4)

    def test_a_batch_size_baked_in_does_not_bind(self):
        model = keras.Sequential([keras.Input(batch_shape=(1, 8, 8, 3)), layers.Conv2D(4, 3, name="conv")])
        assert activations(model, PICTURES, "conv").shape == (7, 6, 6, 4)

    @pytest.mark.parametrize("size", [0, -1])
    def test_no_batch_size(self, size, model):
        with pytest.raises(ValueError, match=f"batch_size must be at least 1, not {size}"):
            activations(model, PICTURES, batch_size=size)

    @pytest.mark.parametrize("size", ["8", 2.0, True, None])
    def test_a_batch_size_of_another_type(self, size, model):
        with pytest.raises(TypeError, match="batch_size must be a whole number, 1 or more, not"):
            activations(model, PICTURES, batch_size=size)

    def test_channels_first_is_refused_everywhere_alike(self):
        x = keras.Input((3, 8, 10))
        model = keras.Model(x, layers.Conv2D(5, 3, data_format="channels_first", name="conv")(x))
        pictures = np.zeros((2, 3, 8, 10))
        for function in (
            lambda: activations(model, pictures, "conv"),
            lambda: unit_activations(model, "conv", pictures),
            lambda: top_patches(model, "conv", pictures, k=1),
            lambda: channel(model, "conv", 4),
            lambda: neuron(model, "conv", 4),
            lambda: receptive_field(model, "conv"),
            lambda: ChannelExplorer(model, pictures[0]),
        ):
            with pytest.raises(ValueError, match=r'has its channels first.*data_format="channels_last"'):
                function()


class TestTypesInside:
    @pytest.mark.parametrize("policy", ["mixed_float16", "mixed_bfloat16", "float16", "bfloat16", "float64"])
    @pytest.mark.parametrize("batch_size", [3, 32])
    def test_float32_comes_out_whatever_the_network_computes_in(self, policy, batch_size):
        model = keras.Sequential(
            [
                keras.Input((8, 8, 3)),
                layers.Rescaling(1 / 255, dtype=policy, name="scale"),
                layers.Conv2D(4, 3, dtype=policy, name="conv"),
            ]
        )
        for array in activations(model, PICTURES, batch_size=batch_size).values():
            assert array.dtype == np.float32
        precision = 1e-2 if "float16" in policy else 1e-5
        np.testing.assert_allclose(activations(model, PICTURES, "scale"), PICTURES / 255, atol=precision)

    @pytest.mark.parametrize("dtype", ["uint8", "int32", "float16"])
    def test_inputs_of_another_type(self, dtype):
        model = keras.Sequential([keras.Input((8, 8, 3), dtype=dtype), layers.Rescaling(1 / 255, name="scale")])
        np.testing.assert_allclose(activations(model, PICTURES, "scale"), PICTURES / 255, atol=1e-6)

    def test_whole_numbers_come_out_as_float32(self):
        x = keras.Input((8, 8, 3))
        model = keras.Model(x, keras.ops.argmax(x, axis=-1))
        found = activations(model, PICTURES, steps(model)[-1].name)
        assert found.dtype == np.float32
        np.testing.assert_array_equal(found, PICTURES.argmax(-1))


class TestCompiledOnce:
    def test_no_retracing(self):
        traces = []

        class Counting(layers.Layer):
            def call(self, x):
                if not isinstance(x, keras.KerasTensor) and not tf.executing_eagerly():
                    traces.append(x.shape)
                return x * 2

        model = keras.Sequential([keras.Input((8, 8, 3)), Counting(name="counting"), layers.Flatten(name="flat")])
        traces.clear()  # Keras looked at the shape
        for pictures in (PICTURES, PICTURES[:2], PICTURES[0], PICTURES.astype(np.float64), list(PICTURES)):
            activations(model, pictures)
            activations(model, pictures, batch_size=2)
        assert len(traces) == 1
        for _ in range(3):
            activations(model, PICTURES, "flat")
        assert len(traces) == 2
        activations(model, PICTURES, "counting")
        assert len(traces) == 3

    def test_it_does_not_train(self):
        x = keras.Input((8, 8, 3))
        model = keras.Model(x, layers.Dropout(0.9, name="drop")(layers.BatchNormalization(name="norm")(x)))
        first, second = activations(model, PICTURES), activations(model, PICTURES)
        np.testing.assert_array_equal(first["drop"], second["drop"])
        np.testing.assert_allclose(first["drop"], PICTURES, rtol=1e-2)
        np.testing.assert_array_equal(model.get_layer("norm").moving_mean, 0)


class TestStrongestChannel:
    def test_of_one_picture(self):
        maps = np.zeros((4, 5, 6), np.float32)
        maps[..., 2] = 3  # the largest on average
        maps[1, 4, 5] = 4
        channel = strongest_channel(maps)
        assert channel == 5
        assert type(channel) is int

    def test_of_several(self):
        maps = np.zeros((3, 4, 5, 6), np.float32)
        maps[0, 0, 0, 1] = maps[1, 3, 4, 0] = maps[2, 1, 1, 4] = 1
        np.testing.assert_array_equal(strongest_channel(maps), [1, 0, 4])

    def test_the_largest_and_not_the_most_negative(self):
        assert strongest_channel(np.array([[[-9.0, -1.0, -2.0]]])) == 1

    @pytest.mark.parametrize("shape", [(5,), (3, 4), (1, 2, 3, 4, 5), (0, 4, 4, 3)])
    def test_wrong_shapes(self, shape):
        with pytest.raises(ValueError, match=r"activation (must have shape|is empty)"):
            strongest_channel(np.zeros(shape))


class TestNearZeroChannels:
    def test_compared_with_the_layer(self):
        maps = np.zeros((2, 3, 3, 4), np.float32)
        maps[0, 0, 0] = [100, 1.0, 1.01, -50]
        np.testing.assert_array_equal(near_zero_channels(maps), [1])
        np.testing.assert_array_equal(near_zero_channels(maps[0]), [1])
        np.testing.assert_array_equal(near_zero_channels(maps, share=0.6), [1, 2, 3])
        np.testing.assert_array_equal(near_zero_channels(maps, share=0), [])

    def test_over_all_pictures_together(self):
        maps = np.zeros((2, 3, 3, 2), np.float32)
        maps[0, 0, 0, 0] = maps[1, 2, 2, 1] = 1
        np.testing.assert_array_equal(near_zero_channels(maps), [])

    def test_a_layer_of_zeros(self):
        np.testing.assert_array_equal(near_zero_channels(np.zeros((3, 3, 2))), [0, 1])

    @pytest.mark.parametrize("share", [-0.1, 1.1, np.nan])
    def test_no_share(self, share):
        with pytest.raises(ValueError, match="share must be from 0 to 1"):
            near_zero_channels(np.zeros((3, 3, 2)), share)


def test_channel_statistics_of_one_picture_and_over_several():
    layer = np.zeros((2, 2, 3), np.float32)
    layer[..., 0] = [[1, -4], [0, 7]]
    layer[..., 2] = 0.05
    numbers = channel_statistics(layer)
    assert {name: array.tolist() for name, array in numbers.items() if name != "mean"} == {
        "largest": [7, 0, pytest.approx(0.05)],
        "smallest": [-4, 0, pytest.approx(0.05)],
        "zeros": [0.25, 1, 0],
        "near_zero": [False, True, True],
    }
    np.testing.assert_allclose(numbers["mean"], [1, 0, 0.05])
    both = channel_statistics(np.stack([layer, layer + 1]))
    np.testing.assert_allclose(both["mean"], [1.5, 0.5, 0.55])
    np.testing.assert_allclose(both["largest"], [8, 1, 1.05])


def test_more_than_fits_into_memory_is_refused_at_once(model):
    many = np.broadcast_to(PICTURES[:1], (10**10, 8, 8, 3))  # takes no memory itself
    with pytest.raises(ValueError, match=r"would take [\d]+ GB, and \d+ GB of memory are free. Ask for fewer"):
        activations(model, many, ["conv", "relu"])
