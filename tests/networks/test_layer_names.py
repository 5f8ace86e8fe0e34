"""Layers whose names TensorFlow takes at the root of no graph: Keras gives them by itself (``_Block``: ``__block``).

Everything is compared with the same network under plain names, and what Keras can compute with Keras.
"""

import numpy as np
import pytest

from coursekit import (
    activations,
    analyze,
    arithmetic,
    channel,
    class_score,
    class_scores,
    deconvnet,
    diagnose,
    fgsm,
    grad_cam,
    guided_backprop,
    integrated_gradients,
    invert,
    load_network,
    maximize,
    neuron,
    occlusion,
    receptive_field,
    saliency,
    smoothgrad,
    synthesize_texture,
    top_patches,
    with_preprocessing,
)
from coursekit.networks.backend import keras, tf

layers = keras.layers
PICTURES = np.random.default_rng(0).uniform(0, 255, (6, 9, 9, 3)).astype(np.float32)
LABELS = np.arange(6) % 3
FEW = {"steps": 3, "progress": False, "seed": 0}


@keras.saving.register_keras_serializable("tests")
class _Block(layers.Layer):
    def __init__(self, **named):
        super().__init__(**named)
        self.inner = layers.Conv2D(4, 1)  # Keras itself takes no "_" here

    def build(self, shape):
        self.inner.build(shape)

    def call(self, x):
        return x + self.inner(x)


def network(before="_", own=True):
    """Return a network whose layers' names begin so; with ``own`` there is a layer of a class that Keras lacks."""

    def named(name):
        return before + name

    keras.utils.set_random_seed(1)
    x = picture = keras.Input((9, 9, 3), name="picture")
    x = layers.Rescaling(1 / 255, name=named("scale"))(x)
    x = layers.Conv2D(4, 3, activation="relu", name=named("conv"))(x)
    if own:
        x = _Block()(x) if before else _Block(name="block")(x)
    x = layers.ReLU(name=named("bent"))(x)
    deep = [keras.Input((7, 7, 4)), layers.Conv2D(5, 3, activation="relu", name=named("deep"))]
    x = keras.Sequential(deep, name=named("nested"))(x)
    x = layers.Dense(3, name=named("scores"))(layers.GlobalAveragePooling2D(name=named("mean"))(x))
    return keras.Model(picture, layers.Softmax(name=named("answer"))(x), name=named("network"))


TECHNIQUES = {
    "saliency": lambda m, _: saliency(m, PICTURES[:2], class_score(m, 1)),
    "smoothgrad": lambda m, _: smoothgrad(m, PICTURES[:1], class_score(m, 1), samples=2, progress=False),
    "integrated_gradients": lambda m, _: integrated_gradients(
        m, PICTURES[:1], class_score(m, 1), steps=2, progress=False
    ),
    "guided_backprop": lambda m, _: guided_backprop(m, PICTURES[:2], class_score(m, 1)),
    "deconvnet": lambda m, _: deconvnet(m, PICTURES[:2], class_score(m, 1)),
    "grad_cam": lambda m, _: grad_cam(m, PICTURES[:2], class_score(m, 1)),
    "occlusion": lambda m, _: occlusion(m, PICTURES[0], class_score(m, 1), 3, 3, progress=False),
    "maximize": lambda m, b: maximize(channel(m, f"{b}deep", 1), **FEW).images,
    "maximize a neuron": lambda m, b: maximize(neuron(m, f"{b}bent", 1), **FEW).images,
    "invert": lambda m, b: invert(m, f"{b}deep", PICTURES[0], **FEW).images,
    "synthesize_texture": lambda m, b: synthesize_texture(m, PICTURES[0], [f"{b}conv"], **FEW).image,
    "fgsm": lambda m, _: fgsm(m, PICTURES[:1], [1]).images,
    "top_patches": lambda m, b: top_patches(m, f"{b}deep", PICTURES, 2).values,
    "arithmetic": lambda m, b: arithmetic(m, PICTURES[0], f"{b}nested/{b}deep", 2, 3, 1).total,
    "arithmetic of a block": lambda m, b: arithmetic(m, PICTURES[0], f"{b}bent", 2, 3, 1).value,
    "receptive_field": lambda m, b: receptive_field(m, f"{b}nested/{b}deep").boxes(),
    "class_scores": lambda m, _: class_scores(m)(PICTURES).numpy(),
    "with_preprocessing": lambda m, b: activations(with_preprocessing(m, lambda x: x / 2), PICTURES, f"{b}deep"),
    "diagnose": lambda m, _: [np.nan if one.value is None else one.value for one in diagnose(m, PICTURES, LABELS)],
    "analyze": lambda m, _: analyze(m)["parameters"].to_numpy(),
}


def test_keras_itself_gives_such_names():
    assert [layer.name for layer in network().layers if layer.name.startswith("__block")]


def test_the_activations_are_those_of_keras():
    model = network()
    found = activations(model, PICTURES)
    for layer in model.layers[1:]:
        expected = keras.Model(model.input, layer.output)(PICTURES)
        name = "_nested/_deep" if layer.name == "_nested" else layer.name
        np.testing.assert_allclose(found[name], expected, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("technique", TECHNIQUES)
def test_the_same_as_under_plain_names(technique):
    compute = TECHNIQUES[technique]
    np.testing.assert_allclose(compute(network(), "_"), compute(network(""), ""), rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("suffix", [".keras", ".h5"])
def test_its_file_comes_back_the_same(suffix, tmp_path, recwarn):
    path = tmp_path / f"mine{suffix}"
    network(own=False).save(path)
    loaded, expected = load_network(path), keras.saving.load_model(path, compile=False)
    np.testing.assert_array_equal(loaded(PICTURES), expected(PICTURES))
    np.testing.assert_allclose(activations(loaded, PICTURES, "_answer"), expected(PICTURES), rtol=1e-5, atol=1e-6)


def test_a_function_of_ones_own_may_compile_it_too():
    """``run`` within a plain tf.function, as in the training of a stylizer."""
    from coursekit.networks.graph import run, steps

    model = network()
    compiled = tf.function(lambda x: run(steps(model), [x], ["_nested/_deep"]), autograph=False)
    (found,) = compiled(tf.constant(PICTURES))
    np.testing.assert_allclose(found, activations(model, PICTURES, "_deep"), rtol=1e-5, atol=1e-6)
