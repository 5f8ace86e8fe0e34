"""How a network is run: compiled once, left as it was, compiled anew when it was changed, errors in plain sentences."""

import copy
import gc
import weakref

import numpy as np
import pytest

from coursekit.networks.backend import keras, tf
from coursekit.networks.graph import compiled, kept, run, steps
from coursekit.techniques import activations

layers = keras.layers
PICTURES = np.random.default_rng(0).uniform(0, 255, (3, 8, 8, 3)).astype(np.float32)


def picture():
    return keras.Input((8, 8, 3), name="picture")


def block():
    return keras.Sequential([picture(), layers.Conv2D(4, 3, name="conv"), layers.ReLU(name="relu")])


class TestTheNetworkIsLeftAlone:
    def test_nodes_weights_and_config(self):
        x = picture()
        model = keras.Model(x, layers.Dense(2)(layers.Flatten()(layers.BatchNormalization()(block()(x)))))
        every = [model, *model._flatten_layers()]

        def state():
            nodes = [(len(layer._inbound_nodes), len(layer._outbound_nodes)) for layer in every]
            return nodes, [weight.numpy() for weight in model.variables], copy.deepcopy(model.get_config())

        nodes, weights, config = state()
        activations(model, PICTURES)
        activations(model, PICTURES, "conv")
        nodes_after, weights_after, config_after = state()
        assert nodes == nodes_after
        assert config == config_after
        for before, after in zip(weights, weights_after, strict=True):
            np.testing.assert_array_equal(before, after)

    def test_it_can_be_saved_copied_and_trained_afterwards(self, tmp_path):
        model = keras.Sequential([picture(), layers.Conv2D(4, 3, name="conv"), layers.Flatten(), layers.Dense(2)])
        before = activations(model, PICTURES, "conv")
        model.save(tmp_path / "used.keras")
        for other in (keras.saving.load_model(tmp_path / "used.keras"), copy.deepcopy(model)):
            np.testing.assert_allclose(activations(other, PICTURES, "conv"), before, atol=1e-4)
        before = before.copy()
        model.compile("sgd", "mse")
        model.fit(PICTURES / 255, np.ones((3, 2)), verbose=0)
        after = activations(model, PICTURES, "conv")
        assert np.abs(after - before).max() > 1e-3  # new weights count at once
        np.testing.assert_allclose(after, model.layers[0](PICTURES), atol=1e-4)

    def test_it_is_freed(self):
        model = keras.Sequential([picture(), layers.Conv2D(4, 3), layers.Flatten()])
        activations(model, PICTURES)
        activations(model, PICTURES, model.layers[0].name)
        model, layer = weakref.ref(model), weakref.ref(model.layers[0])
        gc.collect()
        assert model() is None
        assert layer() is None


class TestCompiled:
    def test_kept_for_each_set_of_layers(self):
        model = block()
        first = compiled(model, ["conv"])
        assert compiled(model, ["conv"]) is first
        assert compiled(model, ["relu"]) is not first
        assert compiled(block(), ["conv"]) is not first

    def test_only_so_many_are_kept(self):
        model, made = block(), []
        for i in range(100):
            kept(model, ("test", i), lambda i=i: made.append(i))
        kept(model, ("test", 99), lambda: made.append("again"))
        kept(model, ("test", 0), lambda: made.append("again"))
        assert made == [*range(100), "again"]
        assert len(model._coursekit_kept) <= 32

    def test_run_can_replace_what_a_layer_does(self):
        model = block()

        def doubled(step, args, kwargs):
            return args[0] * 2 if step.name == "conv" else step.operation(*args, **kwargs)

        (result,) = run(steps(model), [tf.constant(PICTURES)], ["relu"], doubled)
        np.testing.assert_allclose(result, PICTURES * 2)


class TestAChangedNetwork:
    """What was compiled before must not outlive a change of the network."""

    @pytest.fixture
    def model(self):
        return keras.Sequential(
            [keras.Input((8, 8, 3)), layers.GlobalAveragePooling2D(), layers.Dense(3, activation="softmax", name="out")]
        )

    def agree(self, model):
        pictures = PICTURES / 255
        expected = np.asarray(model(pictures))
        np.testing.assert_allclose(activations(model, pictures, "out"), expected, rtol=1e-5, atol=1e-6)
        np.testing.assert_allclose(activations(model, pictures)["out"], expected, rtol=1e-5, atol=1e-6)
        return expected

    def test_another_activation(self, model):
        before = self.agree(model)
        model.get_layer("out").activation = keras.activations.linear
        assert np.abs(self.agree(model) - before).max() > 0.01

    def test_an_adapter(self, model):
        before = self.agree(model)
        model.get_layer("out").enable_lora(2)
        model.get_layer("out").lora_kernel_b.assign([[1, 0, 0], [1, 0, 0]])
        assert np.abs(self.agree(model) - before).max() > 0.001

    def test_another_weight_object(self, model):
        before = self.agree(model)
        vars(model.get_layer("out"))["bias"] = keras.Variable(np.float32([5, 0, 0]), name="other")  # past Keras' lock
        assert np.abs(self.agree(model) - before).max() > 0.01

    def test_inside_a_nested_network_and_in_a_wrapper(self):
        inner = keras.Sequential([keras.Input((8, 8, 3)), layers.TimeDistributed(layers.Dense(4, name="deep"))])
        x = keras.Input((8, 8, 3))
        model = keras.Model(x, layers.GlobalAveragePooling2D(name="out")(inner(x)))
        before = self.agree(model)
        inner.layers[0].layer.activation = keras.activations.relu
        assert np.abs(self.agree(model) - before).max() > 0.001

    def test_new_values_of_a_weight_compile_nothing_anew(self, model):
        first = compiled(model, ["out"])
        model.set_weights([weight + 1 for weight in model.get_weights()])
        self.agree(model)
        model(PICTURES)
        model.predict(PICTURES, verbose=0)
        assert compiled(model, ["out"]) is first

    def test_what_was_not_used_for_longest_goes_first(self, model):
        kept(model, ("old",), lambda: "made once")
        for number in range(40):
            kept(model, ("new", number), object)
            assert kept(model, ("old",), lambda: "made again") == "made once"


class TestErrors:
    def test_too_small_for_the_network(self):
        model = keras.Sequential([keras.Input((None, None, 3)), layers.Conv2D(4, 5, name="conv")])
        with pytest.raises(ValueError, match=r"cannot compute 'conv' for inputs of 3 x 3 x 3\. Are they too small\?"):
            activations(model, np.zeros((3, 3, 3)), "conv")

    def test_they_come_without_the_lines_of_this_package(self):
        def refuses(x):
            if x.shape[0] is None and not isinstance(x, keras.KerasTensor):  # traced, not built
                raise ValueError("This layer takes single pictures only.")
            return x

        model = keras.Sequential([keras.Input((8, 8, 3), batch_size=3), layers.Lambda(refuses)])
        with pytest.raises(ValueError, match="takes single pictures only") as caught:
            activations(model, PICTURES)
        assert "in user code" not in str(caught.value)

    def test_a_layer_that_remembers(self):
        x = keras.Input(batch_shape=(3, 8, 8, 3))
        rows = layers.LSTM(2, stateful=True, name="memory")(layers.Reshape((8, 24))(x))
        model = keras.Model(x, layers.Dense(2)(rows))
        with pytest.raises(ValueError, match=r"^Layer 'memory' is stateful: .* stateful=False"):
            activations(model, PICTURES)
        assert activations(model, PICTURES, model.layers[1].name).shape == (3, 8, 24)  # before it
