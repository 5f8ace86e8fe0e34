"""Small networks of every kind that learners bring, each with what it should give, built by plain Keras."""

from __future__ import annotations

import functools
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from coursekit.networks.backend import keras

layers, ops = keras.layers, keras.ops
SIZE, CLASSES, COUNT = 9, 3, 6
EVERY = (
    "activations", "filters", "picture_filters", "describe_filters", "objectives", "class_score", "class_scores",
    "with_preprocessing", "maximize", "invert", "receptive_field", "top_patches", "unit_activations", "vectors",
    "arrays", "saliency", "smoothgrad", "integrated_gradients", "guided_backprop", "deconvnet", "cam", "grad_cam",
    "randomize", "segment", "occlusion", "deletion_insertion", "fgsm", "pgd", "fool", "analyze", "ChannelExplorer",
    "DreamExplorer", "NetworkExplorer", "synthesize_texture", "transfer_style", "train_stylizer",
    "with_average_pooling", "arithmetic", "diagnose",
)  # fmt: skip
STYLES = ("synthesize_texture", "transfer_style", "train_stylizer")
ATTACKS = ("fgsm", "pgd", "fool")
NO_AVERAGE = "networks that end in a global average"


@dataclass
class Network:
    """A network and what is known of it.

    Attributes:
        model: The network.
        maps: The layer that the functions are asked for gives this: a symbolic tensor of the same graph.
        scores: What stands before the softmax or sigmoid, likewise; None where there is no such thing.
        layer: The name of that layer.
        refused: {function: words of its error}, for what this network does not take.
        first: The layer that gets the picture's own colours; None if something else lies before it.
        kernel: The layer's kernels (kh, kw, in, out), if they are not simply its ``kernel``.
        pictures: What goes in.
        atol: How far numbers may be off, as a part of the largest.
        exact: Whether the receptive field is told exactly.
        left_out: Functions that there is nothing to compare with for this network.
        shape: Of the maps, where they are not given.
        below_zero: Slope below zero of the rectifier between the maps and their mean.
        apart: Whether ``maps`` are computed a second time, so that ``scores`` do not depend on them.
        plain: Where Keras' own forward pass is not what is promised (``training=True``): the same network without.
    """

    model: Any
    maps: Any = None
    scores: Any = None
    layer: str = "maps"
    refused: dict = field(default_factory=dict)
    first: str | None = "maps"
    kernel: Any = None
    pictures: Any = None
    atol: float = 1e-5
    exact: bool = True
    plain: Any = None
    left_out: tuple = ()
    shape: tuple = ()
    below_zero: float = 0.3
    apart: bool = False

    def __post_init__(self) -> None:
        if self.pictures is None and self.model.built:
            shape = [SIZE if side is None else side for side in self.model.inputs[0].shape[1:]]
            self.pictures = pictures(*shape)
        if no := self.refused.get("maximize") or self.refused.get("class_score"):  # they climb the score of a class
            self.refused = {**dict.fromkeys(ATTACKS, no), **self.refused}
        if no := self.refused.get("invert"):  # it aims at the same layers
            self.refused = {**dict.fromkeys(STYLES, no), **self.refused}
        if self.plain is None and self.maps is not None:
            wanted = {"maps": self.maps, "output": self.model.outputs, "layers": _outputs(self.model)}
            if self.scores is not None:
                wanted["scores"] = self.scores
            inputs = self.model.inputs[0] if isinstance(self.model, keras.Sequential) else self.model.input
            self.plain = keras.Model(inputs, wanted)

    @property
    def ordinary(self) -> bool:
        """Whether ``plain`` has the layers of the network itself."""
        return "layers" in self.plain.output

    @property
    def first_input(self) -> str:
        """The key of the first picture in a dict."""
        inputs = self.model.input
        return next(k for k, v in inputs.items() if v is self.model.inputs[0]) if isinstance(inputs, dict) else "left"

    def state(self) -> list[np.ndarray]:
        """Return the weights and what the network itself gives, which nothing may change."""
        found = [np.array(weight) for weight in self.model.weights]
        if self.model.built and "activations" not in self.refused:
            outputs = keras.tree.flatten(self.model(self.given(), training=False))
            found += [np.asarray(ops.cast(x, "float32")) for x in outputs]
        return found

    def given(self, values: Any = None) -> Any:
        """Return pictures, or others, as Keras takes them."""
        given = self.pictures if values is None else values
        inputs = self.model.inputs if isinstance(self.model, keras.Sequential) else self.model.input
        given = {next(iter(inputs)): given} if isinstance(inputs, dict) and not isinstance(given, dict) else given
        return keras.tree.map_structure(lambda x: ops.cast(x, (self.plain or self.model).inputs[0].dtype), given)


def _outputs(model: Any) -> dict:
    """Return what each layer that is called once gives."""
    once = [layer for layer in model.layers if len(layer._inbound_nodes) == 1 and not isinstance(layer, keras.Model)]
    return {layer.name: layer.output for layer in once if isinstance(layer.output, keras.KerasTensor)}


KINDS: dict[str, Callable[[], Network]] = {}


def kind(make: Callable[[], Network]) -> Callable[[], Network]:
    """Enter a network into the table."""
    KINDS[make.__name__] = functools.cache(make)
    return make


def pictures(*shape: int) -> np.ndarray:
    return np.random.default_rng(1).integers(0, 256, (COUNT, *shape)).astype(np.uint8)


def begin(*shape: int | None, **named: Any) -> tuple[Any, Any]:
    """Return an input and what a Rescaling makes of it."""
    keras.utils.set_random_seed(len(KINDS))
    x = keras.Input(shape or (SIZE, SIZE, 3), name="picture", **named)
    return x, layers.Rescaling(1 / 255, name="scale")(x)


def maps_of(x: Any, **named: Any) -> Any:
    """Return maps of a convolution that gives no zeros, so that every gradient tells."""
    return layers.Conv2D(4, 3, bias_initializer="normal", name="maps", **named)(x)


def scores_of(maps: Any, **named: Any) -> Any:
    middle = layers.GlobalAveragePooling2D(name="mean")(layers.LeakyReLU(name="leaky")(maps))
    return layers.Dense(CLASSES, bias_initializer="normal", name="scores", **named)(middle)


def classifier(end: Callable[[Any], Any], units: int = CLASSES, **known: Any) -> Network:
    """Return a network whose scores go through ``end``."""
    x, y = begin()
    maps = maps_of(y)
    middle = layers.GlobalAveragePooling2D(name="mean")(maps)
    scores = layers.Dense(units, bias_initializer="normal", name="scores")(middle)
    return Network(keras.Model(x, end(scores)), maps, scores, **known)


def through(function: Callable[[Any], Any], *shape: int | None, **known: Any) -> Network:
    """Return a classifier whose maps are what ``function`` makes of scaled pictures."""
    x, y = begin(*shape)
    maps = function(y)
    scores = scores_of(maps)
    return Network(keras.Model(x, layers.Softmax(name="prob")(scores)), maps, scores, **known)


def entered(name: str, make: Callable[[], Network]) -> None:
    KINDS[name] = functools.cache(make)


# What stands behind the scores

softmax = layers.Softmax
ENDINGS: dict[str, Callable] = {
    "softmax": lambda s: softmax(name="prob")(s),
    "linear_behind_softmax": lambda s: layers.Activation("linear", dtype="float32", name="cast")(softmax()(s)),
    "flatten_behind_softmax": lambda s: layers.Flatten()(softmax()(s)),
    "reshape_behind_softmax": lambda s: layers.Reshape((CLASSES,))(softmax()(s)),
    "identity_behind_softmax": lambda s: layers.Identity()(softmax()(s)),
    "dropout_behind_softmax": lambda s: layers.Dropout(0.5)(softmax()(s)),
    "cast_behind_softmax": lambda s: ops.cast(softmax()(s), "float16"),
    "activation_softmax": lambda s: layers.Activation("softmax")(s),
    "ops_softmax": lambda s: ops.softmax(s),
    "lambda_softmax": lambda s: layers.Lambda(lambda t: keras.activations.softmax(t))(s),
    "log_softmax": lambda s: ops.log_softmax(s),
    "activation_log_softmax": lambda s: layers.Activation("log_softmax")(s),
    "sigmoid_of_several_labels": lambda s: layers.Activation("sigmoid")(s),
    "regression": lambda s: s,
}
SCORES = ("class_score", "class_scores", "with_preprocessing", "fgsm", "diagnose")  # what the end makes a difference to
ENDS = {*ENDINGS, "single_sigmoid"}
for name, end in ENDINGS.items():
    entered(name, functools.partial(classifier, end))
ONE_CLASS = {"fgsm": "There is no class 1: there are 1"}
entered("single_sigmoid", lambda: classifier(lambda s: layers.Activation("sigmoid")(s), units=1, refused=ONE_CLASS))


def kind_of_end(make: Callable[[], Network]) -> Callable[[], Network]:
    ENDS.add(make.__name__)
    return kind(make)


@kind_of_end
def folded_softmax() -> Network:
    x, y = begin()
    maps = maps_of(y)
    middle = layers.GlobalAveragePooling2D()(maps)
    last = layers.Dense(CLASSES, activation="softmax", bias_initializer="normal")
    model = keras.Model(x, last(middle))
    return Network(model, maps, middle @ last.kernel.numpy() + last.bias.numpy())


@kind_of_end
def average_of_two_softmaxes() -> Network:
    x, y = begin()
    maps = maps_of(y)
    middle = layers.GlobalAveragePooling2D()(maps)
    both = [layers.Dense(CLASSES, activation="softmax")(middle) for _ in range(2)]
    no = "no number in this network is the score of a class"
    return Network(
        keras.Model(x, layers.Average(name="both")(both)),
        maps,
        refused={"class_score": no, "class_scores": no},
    )


@kind_of_end
def temperature() -> Network:
    x, y = begin()
    maps = maps_of(y)
    scores = scores_of(maps) / 2.0
    return Network(keras.Model(x, layers.Softmax()(scores)), maps, scores)


@kind_of_end
def fully_convolutional() -> Network:
    x, y = begin(None, None, 3)
    maps = maps_of(y)
    scores = layers.GlobalAveragePooling2D()(layers.Conv2D(CLASSES, 1, name="scores")(layers.ReLU()(maps)))
    return Network(keras.Model(x, layers.Softmax()(scores)), maps, scores)


# Nested


@kind
def transfer() -> Network:
    keras.utils.set_random_seed(0)
    inner = keras.Input((SIZE, SIZE, 3), name="base_input")
    base = keras.Model(inner, layers.ReLU(name="active")(maps_of(layers.Rescaling(1 / 255)(inner))), name="base")
    base.trainable = False
    x = keras.Input((SIZE, SIZE, 3), name="picture")
    scores = layers.Dense(CLASSES, name="scores")(layers.GlobalAveragePooling2D()(base(x)))
    maps = keras.Model(base.input, base.get_layer("maps").output)(x)
    return Network(keras.Model(x, layers.Softmax()(scores)), maps, scores, below_zero=0, apart=True)


@kind
def two_levels_deep() -> Network:
    keras.utils.set_random_seed(0)
    core = keras.Sequential(
        [keras.Input((SIZE, SIZE, 3)), layers.Conv2D(4, 3, name="maps"), layers.ReLU()], name="core"
    )
    middle = keras.Input((SIZE, SIZE, 3))
    shell = keras.Model(
        middle, layers.Conv2D(4, 3, name="behind")(core(layers.Rescaling(1 / 255)(middle))), name="shell"
    )
    model = keras.Sequential(
        [keras.Input((SIZE, SIZE, 3), name="picture"), shell, layers.Flatten(), layers.Dense(CLASSES, name="scores")]
    )
    maps = core.get_layer("maps")(layers.Rescaling(1 / 255)(model.inputs[0]))
    return Network(model, maps, model.outputs[0], refused={"cam": NO_AVERAGE}, apart=True)


@kind
def several_outputs() -> Network:
    x, y = begin()
    maps = maps_of(y)
    ends = [layers.Softmax(name="prob")(scores_of(maps)), layers.Conv2D(1, 1, name="map")(maps)]
    return Network(
        keras.Model(x, ends),
        maps,
        refused={"class_score": "one output", "class_scores": "2 outputs", "cam": "one output"},
    )


@kind
def nested_with_several_outputs() -> Network:
    keras.utils.set_random_seed(0)
    inner = keras.Input((SIZE, SIZE, 3), name="inside")
    maps = maps_of(inner)
    pair = keras.Model(inner, {"maps": maps, "mean": layers.GlobalAveragePooling2D(name="mean")(maps)}, name="pair")
    x, y = begin()
    both = pair(y)
    scores = layers.Dense(CLASSES, name="scores")(both["mean"])
    return Network(keras.Model(x, layers.Softmax()(scores)), both["maps"], scores, below_zero=1)


_ONE_INPUT = {
    "with_preprocessing": "2 inputs", "picture_filters": "one input is a picture", "top_patches": "2 inputs",
    "describe_filters": "one input is a picture", "maximize": "networks with one input",
    "invert": "networks with one input", "ChannelExplorer": "take one picture", "DreamExplorer": "take one picture",
    "NetworkExplorer": "take one picture",
}  # fmt: skip


def _two(inputs: Any, given: Any) -> Network:
    keras.utils.set_random_seed(0)
    left, right = keras.Input((SIZE, SIZE, 3), name="left"), keras.Input((SIZE, SIZE, 3), name="right")
    maps = maps_of(layers.Subtract(name="difference")([left, right]))
    scores = scores_of(maps)
    model = keras.Model(inputs(left, right), layers.Softmax()(scores))
    one, other = pictures(SIZE, SIZE, 3), pictures(SIZE, SIZE, 3)[::-1]
    return Network(model, maps, scores, refused=_ONE_INPUT, pictures=given(one, other))


@kind
def two_pictures() -> Network:
    return _two(lambda a, b: [a, b], lambda a, b: [a, b])


@kind
def built_from_a_dict() -> Network:
    return _two(lambda a, b: {"z": a, "y": b}, lambda a, b: {"z": a, "y": b})


@kind
def one_input_in_a_dict() -> Network:
    x, y = begin()
    maps = maps_of(y)
    scores = scores_of(maps)
    return Network(keras.Model({"picture": x}, layers.Softmax()(scores)), maps, scores)


@kind
def nested_with_inputs_by_dict() -> Network:
    keras.utils.set_random_seed(0)
    b, a = keras.Input((SIZE, SIZE, 3), name="b"), keras.Input((SIZE, SIZE, 3), name="a")
    inner = keras.Model({"b": b, "a": a}, maps_of(layers.Subtract()([a, b])), name="inner")
    x, y = begin()
    maps = inner({"b": y * 2.0, "a": y})
    scores = scores_of(maps)
    return Network(keras.Model(x, layers.Softmax()(scores)), maps, scores)


@kind
def siamese() -> Network:
    keras.utils.set_random_seed(0)
    inner = keras.Input((SIZE, SIZE, 3), name="one")
    tower = keras.Model(inner, layers.GlobalAveragePooling2D()(layers.ReLU()(maps_of(inner))), name="tower")
    left, right = keras.Input((SIZE, SIZE, 3), name="left"), keras.Input((SIZE, SIZE, 3), name="right")
    scores = layers.Dense(1, name="scores")(ops.abs(tower(left) - tower(right)))
    one, other = pictures(SIZE, SIZE, 3), pictures(SIZE, SIZE, 3)[::-1]
    model = keras.Model([left, right], layers.Activation("sigmoid")(scores))
    refused = _ONE_INPUT | {"cam": NO_AVERAGE}
    return Network(
        model, tower.get_layer("maps")(left), scores, "tower/maps", refused, pictures=[one, other], apart=True
    )


@kind
def functional_subclass() -> Network:
    class Trained(keras.Model):
        def train_step(self, data: Any) -> dict:
            return {}

    x, y = begin()
    maps = maps_of(y)
    scores = scores_of(maps)
    return Network(Trained(x, layers.Softmax()(scores)), maps, scores)
