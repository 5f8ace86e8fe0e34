"""More networks for the table: layers of every kind, types of numbers, and what is not taken at all."""

from __future__ import annotations

from typing import Any

import numpy as np

from coursekit.networks.backend import keras, tf
from tests.contract.networks import (
    ATTACKS,
    CLASSES,
    EVERY,
    NO_AVERAGE,
    SIZE,
    STYLES,
    Network,
    begin,
    entered,
    kind,
    layers,
    maps_of,
    ops,
    pictures,
    scores_of,
    through,
)

GRADIENTS = ("saliency", "smoothgrad", "integrated_gradients", "guided_backprop", "deconvnet")
NO_KERNELS = dict.fromkeys(("filters", "picture_filters", "describe_filters"), "has no kernels")


def unet(x: Any) -> Any:
    down = layers.Conv2D(3, 3, padding="same", name="down")(x)
    low = layers.Conv2D(4, 3, padding="same", name="low")(layers.MaxPooling2D(2, padding="same")(down))
    up = layers.Cropping2D(((0, 1), (0, 1)))(layers.UpSampling2D(2)(low))
    return layers.Conv2D(4, 3, padding="same", name="maps")(layers.Concatenate()([up, down]))


def residual(x: Any) -> Any:
    y = layers.Conv2D(3, 3, padding="same", name="before")(x)
    return layers.Conv2D(4, 3, name="maps")(layers.LeakyReLU()(layers.Add()([x, y])))


def inception(x: Any) -> Any:
    branches = [layers.Conv2D(2, size, padding="same")(x) for size in (1, 3, 5)]
    return layers.Conv2D(4, 1, name="maps")(layers.Concatenate()([*branches, layers.MaxPooling2D(3, 1, "same")(x)]))


def excited(x: Any) -> Any:
    y = layers.Conv2D(4, 3, name="before")(x)
    gates = layers.Dense(4, activation="sigmoid")(layers.GlobalAveragePooling2D(keepdims=True)(y))
    return layers.Multiply(name="maps")([y, gates])


def attention(x: Any) -> Any:
    tokens = layers.Reshape((SIZE * SIZE, 3))(x)
    tokens = layers.MultiHeadAttention(2, 2, name="attention")(tokens, tokens)
    return layers.Conv2D(4, 1, name="maps")(layers.Reshape((SIZE, SIZE, 3))(tokens))


def normalised(layer: Any) -> Any:
    def function(x: Any) -> Any:
        return layers.Conv2D(4, 3, name="maps")(layer(layers.Conv2D(4, 1, name="before")(x)))

    return function


def by_operations(x: Any) -> Any:
    y = ops.concatenate([x, x[..., ::-1] * 0.5 + 1.0], axis=-1)
    return layers.Conv2D(4, 3, name="maps")(ops.maximum(y, 0.2) - ops.square(y))


def augmented(x: Any) -> Any:
    x = layers.RandomRotation(0.1)(layers.RandomFlip("horizontal")(x))
    return layers.Conv2D(4, 3, name="maps")(layers.RandomContrast(0.2)(layers.RandomTranslation(0.1, 0.1)(x)))


def repeated(layer: Any) -> Any:
    """The rows of the picture as a sequence."""

    def function(x: Any) -> Any:
        return layers.Reshape((SIZE, 1, 4), name="maps")(layer(layers.Reshape((SIZE, SIZE * 3))(x)))

    return function


def sequence_of_pictures(layer: Any) -> Any:
    def function(x: Any) -> Any:
        return layer(layers.Reshape((3, SIZE, SIZE, 1))(layers.Permute((3, 1, 2))(x)))

    return function


def time_distributed(x: Any) -> Any:
    each = sequence_of_pictures(layers.TimeDistributed(layers.Conv2D(2, 3), name="each"))(x)
    return layers.Conv2D(4, 1, name="maps")(layers.Reshape((7, 7, 6))(layers.Permute((2, 3, 1, 4))(each)))


BEHIND = {"first": None}  # what the layer gets are no longer the picture's own colours
BOUND = {"exact": False, "first": None}
ROWS = {"exact": False, "refused": NO_KERNELS}
NORMS = {
    "batch_norm": (layers.BatchNormalization(moving_mean_initializer="normal", gamma_initializer="normal"), {}),
    "layer_norm": (layers.LayerNormalization(), BEHIND),
    "group_norm": (layers.GroupNormalization(2), BEHIND),
    "prelu": (layers.PReLU(alpha_initializer="normal"), BEHIND),
    "lambda_layer": (layers.Lambda(lambda t: t * 2.0 - tf.reverse(t, [-1])), {}),
    "lambda_over_positions": (layers.Lambda(lambda t: t - tf.reduce_mean(t, (1, 2), keepdims=True)), BOUND),
}
for name, function, known in [
    ("unet", unet, {**BEHIND, "refused": {"train_stylizer": "Crops of 32, of which 24 pixels are seen"}}),
    ("residual", residual, BEHIND),
    ("inception", inception, BEHIND),
    ("squeeze_and_excitation", excited, {"refused": NO_KERNELS}),
    ("attention", attention, BOUND),
    ("operations", by_operations, BEHIND),
    ("augmentation", augmented, {}),
    ("resizing", lambda x: maps_of(layers.Resizing(12, 12)(x)), BEHIND),
    ("recurrent", repeated(layers.Bidirectional(layers.GRU(2, return_sequences=True))), ROWS),
    ("conv1d", repeated(layers.Conv1D(4, 3, padding="same")), ROWS),
    ("conv_lstm", sequence_of_pictures(layers.ConvLSTM2D(4, 3, name="maps")), ROWS),
    ("time_distributed", time_distributed, BOUND),
    ("transposed", lambda x: layers.Conv2DTranspose(4, 3, 2, name="maps")(x), {"first": ""}),
    ("depthwise", lambda x: layers.DepthwiseConv2D(3, depth_multiplier=2, name="maps")(x), BEHIND),
    ("separable", lambda x: layers.SeparableConv2D(4, 3, name="maps")(x), {}),
    ("grouped", lambda x: layers.Conv2D(6, 3, groups=3, name="maps")(x), BEHIND),
    ("dilated", lambda x: layers.Conv2D(4, 3, dilation_rate=2, name="maps")(layers.ZeroPadding2D(1)(x)), {}),
    ("strided", lambda x: layers.Conv2D(4, 3, 2, "same", name="maps")(layers.AveragePooling2D(2, 1)(x)), BEHIND),
    *((name, normalised(layer), known) for name, (layer, known) in NORMS.items()),
]:  # fmt: skip
    entered(name, lambda function=function, known=known: through(function, **known))
entered("grey", lambda: through(maps_of, SIZE, SIZE, 1, refused={"train_stylizer": "have 3 channels, but"}))
entered("with_alpha", lambda: through(maps_of, SIZE, SIZE, 4))
NOTHING = {"segment": "points at nothing"}
entered("one_pixel", lambda: through(lambda x: layers.Conv2D(4, 1, name="maps")(x), 1, 1, 3, refused=NOTHING))
entered("any_size", lambda: through(maps_of, None, None, 3, pictures=pictures(7, 11, 3)))


def policy(name: str, atol: float) -> None:
    def make() -> Network:
        before = keras.config.dtype_policy()
        keras.config.set_dtype_policy(name)
        try:
            found = through(lambda x: maps_of(x))
        finally:
            keras.config.set_dtype_policy(before)
        found.atol = atol
        return found

    entered(name, make)


for name, atol in (("float16", 5e-3), ("mixed_float16", 5e-3), ("bfloat16", 3e-2)):
    policy(name, atol)


@kind
def lora() -> Network:
    found = through(lambda x: layers.Conv2D(4, 3, name="maps")(x))
    layer = found.model.get_layer("maps")
    found.model(found.pictures)
    layer.enable_lora(2)
    layer.lora_kernel_b.assign(np.ones(layer.lora_kernel_b.shape, np.float32))
    found.kernel = layer._kernel.numpy() + layer.lora_kernel_a.numpy() @ layer.lora_kernel_b.numpy()
    return found


@kind
def quantized() -> Network:
    found = through(maps_of)
    found.model.quantize("int8")
    found.refused = dict.fromkeys(("cam", "randomize"), "are whole numbers")
    return found


@kind
def another_activation_after_a_call() -> Network:
    found = through(lambda x: layers.Conv2D(4, 3, activation="relu", name="maps")(x))
    found.model(found.pictures)
    found.model.get_layer("maps").activation = keras.activations.linear
    return found


@kind
def training_baked_in() -> Network:
    def build(**training: Any) -> Network:
        x, y = begin()
        norm = layers.BatchNormalization(moving_mean_initializer="normal")
        maps = maps_of(norm(layers.Dropout(0.5)(y, **training), **training))
        scores = scores_of(maps)
        return Network(keras.Model(x, layers.Softmax(name="prob")(scores)), maps, scores)

    baked, plain = build(training=True), build()
    plain.model.set_weights(baked.model.get_weights()[: len(plain.model.get_weights())])
    baked.plain = keras.Model(plain.model.input, {k: v for k, v in plain.plain.output.items() if k != "layers"})
    return baked


@kind
def whole_numbers_in() -> Network:
    def build(dtype: str) -> Network:
        keras.utils.set_random_seed(0)
        x = keras.Input((SIZE, SIZE, 3), name="picture", dtype=dtype)
        maps = maps_of(layers.Rescaling(1 / 255, name="scale")(x))
        scores = scores_of(maps)
        return Network(keras.Model(x, layers.Softmax(name="prob")(scores)), maps, scores)

    found = build("uint8")
    found.plain = build("float32").plain  # which has gradients
    found.refused = dict.fromkeys(
        ("maximize", "invert", *STYLES, *GRADIENTS, *ATTACKS, "DreamExplorer"),
        "whole numbers have no gradient",
    )
    return found


@kind
def makes_nan() -> Network:
    found = through(lambda x: maps_of(ops.log(x - 2.0)))
    more = "more than a fixed mixing"
    found.refused = {"maximize": "no finite number", "ChannelExplorer": "NaN", "picture_filters": more, "invert": "NaN"}
    found.refused["describe_filters"] = more
    nan = ("top_patches", "vectors", "arrays", "segment", "cam", *STYLES, *ATTACKS)
    found.refused |= dict.fromkeys(nan, "NaN")
    found.left_out = ("receptive_field",)
    return found


@kind
def sequential_built_by_a_call() -> Network:
    keras.utils.set_random_seed(0)
    parts = [layers.Rescaling(1 / 255), layers.Conv2D(4, 3, name="maps"), layers.Flatten(), layers.Dense(CLASSES)]
    model = keras.Sequential([*parts, layers.Softmax()])
    model(pictures(SIZE, SIZE, 3))
    return Network(model, model.layers[1].output, model.layers[3].output, refused={"cam": NO_AVERAGE})


@kind
def stateful() -> Network:
    keras.utils.set_random_seed(0)
    x = keras.Input(batch_shape=(6, SIZE, SIZE, 3), name="picture")
    rows = layers.Reshape((SIZE, SIZE * 3))(layers.Rescaling(1 / 255)(x))
    rows = layers.LSTM(4, return_sequences=True, stateful=True, name="memory")(rows)
    maps = layers.Reshape((SIZE, 1, 4), name="maps")(rows)
    model = keras.Model(x, layers.Dense(CLASSES, activation="softmax")(layers.Flatten()(maps)))
    plain = ("filters", "picture_filters", "describe_filters", "class_scores", "with_preprocessing", "receptive_field")
    plain += (
        "analyze",
        "DreamExplorer",
        "randomize",
        "segment",
        "with_average_pooling",
    )  # these compute nothing with it
    return Network(model, refused=dict.fromkeys(EVERY, "stateful") | {"cam": NO_AVERAGE}, left_out=plain)


@kind
def channels_first() -> Network:
    keras.utils.set_random_seed(0)
    x = keras.Input((3, SIZE, SIZE), name="picture")
    maps = layers.Conv2D(4, 3, data_format="channels_first", name="maps")(x)
    scores = layers.Dense(CLASSES, name="scores")(layers.GlobalAveragePooling2D(data_format="channels_first")(maps))
    works = ("filters", "analyze")
    return Network(
        keras.Model(x, layers.Softmax()(scores)),
        refused={name: "channels first" for name in EVERY if name not in works},
        left_out=(
            *("class_scores", "with_preprocessing", "picture_filters", "describe_filters", "randomize", "segment"),
            "with_average_pooling",
        ),
        shape=(4, SIZE - 2, SIZE - 2),
    )


@kind
def sequences_in() -> Network:
    keras.utils.set_random_seed(0)
    x = keras.Input((SIZE, 3), name="signal")
    maps = layers.Conv1D(4, 3, name="maps")(x)
    scores = layers.Dense(CLASSES, name="scores")(layers.GlobalAveragePooling1D()(maps))
    no = {"filters": "another kind", "receptive_field": "takes no pictures", "objectives": "no channels to read"}
    no |= {"picture_filters": "one input is a picture", "describe_filters": "one input is a picture"}
    no |= {"top_patches": "Patches are of layers", "unit_activations": "of layers that give", "maximize": "no channels"}
    no |= dict.fromkeys(("ChannelExplorer", "DreamExplorer", "NetworkExplorer"), "take one picture") | {
        "invert": "networks with one input"
    }
    no |= dict.fromkeys((*GRADIENTS, "grad_cam", "occlusion", "deletion_insertion"), "no channels")
    no["cam"] = NO_AVERAGE
    no |= dict.fromkeys(ATTACKS, "networks with one input \\(N, H, W, C\\)")
    model = keras.Model(x, layers.Softmax()(scores))
    return Network(model, maps, scores, refused=no, left_out=("vectors", "arrays", "segment"))


@kind
def without_an_input() -> Network:
    model = keras.Sequential([layers.Conv2D(4, 3, name="maps"), layers.Flatten(), layers.Dense(CLASSES)])
    return Network(
        model,
        pictures=pictures(SIZE, SIZE, 3),
        refused=dict.fromkeys(EVERY, "no input shape yet"),
        left_out=("segment",),
    )


@kind
def subclassed() -> Network:
    class Own(keras.Model):
        def __init__(self) -> None:
            super().__init__()
            self.maps = layers.Conv2D(4, 3, name="maps")

        def call(self, x: Any) -> Any:
            return self.maps(x)

    model = Own()
    model(np.zeros((1, SIZE, SIZE, 3), np.float32))
    return Network(
        model,
        pictures=pictures(SIZE, SIZE, 3),
        refused=dict.fromkeys(EVERY, "call.. of its own"),
        left_out=("segment",),
    )
