"""Every public function times every kind of network: it gives what plain Keras and NumPy give, or says why not.

As captum's ``test_config`` does for its methods. In each cell besides: what goes in alone comes out alone, results are
float32, the same call gives the same again, and the network is as it was, its weights and its outputs, to the bit.
"""

import contextlib
import inspect
import re
from unittest import mock

import numpy as np
import pytest

from coursekit import (
    ChannelExplorer,
    DreamExplorer,
    NetworkExplorer,
    activation_mask,
    activations,
    analyze,
    arithmetic,
    channel,
    channel_statistics,
    class_score,
    class_scores,
    contribution_path,
    describe_filters,
    direction,
    feature_vectors,
    filters,
    gram,
    invert,
    maximize,
    nearest_neighbors,
    neuron,
    picture_filters,
    principal_components,
    receptive_field,
    saliency,
    strongest_channel,
    top_patches,
    unit_activations,
    with_preprocessing,
)
from coursekit.networks.backend import keras, tf
from coursekit.networks.graph import traced
from tests.contract import adversarial, attribution, diagnoses, more_networks, textures  # noqa: F401 -- enter cells
from tests.contract.comparing import CELLS, cell, close, floats, gradients, one, same, support, twice
from tests.contract.networks import ENDS, EVERY, KINDS, SCORES, SIZE, pictures

PARAMETRIZATION = "parametrization" if "parametrization" in inspect.signature(maximize).parameters else "image"
NO_SENTENCE = re.compile(r"in user code|Traceback|tensorflow|/[a-z_]+\.py|\{\{|KerasTensor|\n.*\n.*\n")


@cell
def activations_(net):
    found = twice(lambda: activations(net.model, net.pictures))
    for name, expected in (floats(net, "layers") if net.ordinary else {}).items():
        close(net, found[name], expected)
    close(net, activations(net.model, net.pictures, net.layer, batch_size=4), floats(net, "maps"))
    close(net, activations(net.model, one(net), net.layer), floats(net, "maps")[0])


@cell
def filters_(net):
    found = twice(lambda: filters(net.model, net.layer))
    layer = net.model.get_layer(net.layer) if net.layer in [one.name for one in net.model.layers] else None
    if net.kernel is not None or type(layer) is keras.layers.Conv2D:
        close(net, found, layer.kernel if net.kernel is None else net.kernel)
    assert found.dtype == np.float32
    assert found.ndim == 4
    assert found.shape[-1] == (4 if net.maps is None else net.maps.shape[-1])


@cell
def picture_filters_(net):
    if net.first is None:
        with pytest.raises(ValueError, match=r"more than a fixed mixing"):
            picture_filters(net.model, net.layer)
        return
    found = twice(lambda: picture_filters(net.model, net.layer))
    if not net.first:
        return  # a transposed convolution's kernel is no gradient of one unit
    middle = np.array(net.plain.output["maps"].shape[1:3]) if None not in net.maps.shape[1:3] else np.array([7, 7])
    row, column = middle // 2
    values = np.asarray(net.pictures[:1], np.float32)
    picks = [lambda f, c=c: f["maps"][:, row, column, c] for c in range(found.shape[-1])]
    by_hand = gradients(net, picks, values)
    top, left, bottom, right = support(np.concatenate(by_hand))
    step_y, step_x = ((n - 1) // max(k - 1, 1) or 1
                      for n, k in zip((bottom - top, right - left), found.shape[:2], strict=True))  # fmt: skip
    close(net, found, np.stack([g[0, top:bottom:step_y, left:right:step_x] for g in by_hand], axis=-1))


@cell
def describe_filters_(net):
    kernels = picture_filters(net.model, net.layer) if net.first else np.ones((3, 3, 3, 2), np.float32)
    if min(kernels.shape[:2]) < 3 or kernels.shape[2] not in (1, 3):
        with pytest.raises(ValueError, match="3 or more"):
            describe_filters(kernels)
        return
    table = describe_filters(kernels)
    assert list(table["channel"]) == list(range(kernels.shape[-1]))
    in_colours = kernels if kernels.shape[2] == 3 else np.repeat(kernels, 3, axis=2)
    np.testing.assert_allclose(table["strength"], np.sqrt((in_colours**2).sum(axis=(0, 1, 2))), rtol=1e-5)


@cell
def objectives(net):
    mean = channel(net.model, net.layer, 1)
    found = twice(lambda: mean(net.pictures))
    maps = floats(net, "maps")
    rows = maps.reshape(len(maps), -1, maps.shape[-1])
    vector = np.linspace(-1, 1, maps.shape[-1]).astype(np.float32)
    close(net, found, rows[..., 1].mean(axis=1))
    close(net, mean(one(net)), rows[0, :, 1].mean())
    close(net, direction(net.model, net.layer, vector)(net.pictures), rows.mean(axis=1) @ vector)
    at = neuron(net.model, net.layer, 0)
    middle = rows[:, 0] if maps.ndim == 2 else maps[:, maps.shape[1] // 2, maps.shape[2] // 2]
    close(net, at(net.pictures), middle[:, 0])
    close(net, (2 * at - mean)(net.pictures), 2 * middle[:, 0] - rows[..., 1].mean(axis=1))


@cell
def saliency_(net):
    aims = [channel(net.model, net.layer, 1), neuron(net.model, net.layer, 0)]
    two = keras.tree.map_structure(lambda batch: np.asarray(batch, np.float32)[:2], net.pictures)
    found = twice(lambda: saliency(net.model, two, aims))
    row, column = np.array(floats(net, "maps").shape[1:3]) // 2
    picks = [lambda f: tf.reduce_mean(f["maps"][0:1, ..., 1]), lambda f: f["maps"][1:2, row, column, 0]]
    first = two if isinstance(two, np.ndarray) else keras.tree.flatten(two)[0]
    expected = np.stack([g[i] for i, g in enumerate(gradients(net, picks, first))])
    close(net, found[0] if isinstance(found, list) else found, expected)


@cell
def class_score_(net):
    last = 0 if net.scores is None else net.scores.shape[-1] - 1
    score = class_score(net.model, last)
    close(net, twice(lambda: score(net.pictures)), floats(net, "scores")[:, last])
    close(net, score(one(net)), floats(net, "scores")[0, last])


@cell
def class_scores_(net):
    scored = class_scores(net.model)
    found = keras.ops.cast(scored(net.given(), training=False), "float32")
    close(net, found, floats(net, "scores"))
    assert {id(weight) for weight in scored.weights} <= {id(weight) for weight in net.model.weights}


@cell
def with_preprocessing_(net):
    ready = with_preprocessing(net.model, lambda x: 255 - x)
    found = ready(np.asarray(net.pictures, np.float32), training=False)
    expected = net.plain(net.given(255 - np.asarray(net.pictures, np.float32)), training=False)["output"]
    for one_found, one_expected in zip(keras.tree.flatten(found), keras.tree.flatten(expected), strict=True):
        close(net, keras.ops.cast(one_found, "float32"), keras.ops.cast(one_expected, "float32"))


def steps_in_eager_mode():
    """Take the steps of an ascent without compiling them, which would take seconds for each network."""

    def only_scores(function, *specs):
        return function if function.__name__ == "step" else traced(function, *specs)

    return mock.patch("coursekit.techniques.optimization.traced", only_scores)


@cell
def maximize_(net):
    first = net.pictures if isinstance(net.pictures, np.ndarray) else pictures(SIZE, SIZE, 3)
    values = first[:3].astype(np.float32) / 2 + 64  # away from black and white, where a step is cut off
    aims = [channel(net.model, net.layer, 1), neuron(net.model, net.layer, 0)]
    row, column = (0, 0) if net.plain is None else np.array(floats(net, "maps").shape[1:3]) // 2
    picks = [lambda f: tf.reduce_mean(f["maps"][0:1, ..., 1]), lambda f: f["maps"][1:2, row, column, 0]]
    if net.scores is not None and "class_score" not in net.refused:
        aims.append(class_score(net.model, 0))
        picks.append(lambda f: f["scores"][2:3, 0])
    how = {PARAMETRIZATION: "pixels", "shift": 0, "scale": 0, "rotate": 0, "learning_rate": 1, "progress": False}
    how["size"] = values.shape[1:3]
    with contextlib.nullcontext() if net.kind in FEW else steps_in_eager_mode():
        found = twice(lambda: vars(maximize(aims, 1, start=values[: len(aims)], **how)) | {"objectives": None})
    assert found["images"].dtype == found["scores"].dtype == found["trace"].dtype == np.float32
    # Adam's first step is the learning rate in the direction of the gradient's sign.
    for i, gradient in enumerate(gradients(net, picks, values)):
        clear = np.abs(gradient[i]) > 0.05 * np.abs(gradient[i]).max()
        moved = (found["images"][i] - values[i])[clear]
        np.testing.assert_allclose(moved, np.sign(gradient[i])[clear], atol=1e-3)
    after = net.plain(net.given(found["images"]), training=False)
    by_hand = [np.mean(after["maps"][0, ..., 1]), after["maps"][1, row, column, 0]]
    by_hand += [after["scores"][2, 0]] if len(aims) == 3 else []
    close(net, found["scores"], [np.float32(number) for number in by_hand])


@cell
def invert_(net):
    first = net.pictures if isinstance(net.pictures, np.ndarray) else pictures(SIZE, SIZE, 3)
    photo, start = first[:2].astype(np.float32) / 2 + 64
    how = {"parametrization": "pixels", "total_variation": 0, "learning_rate": 1, "progress": False}
    with mock.patch("coursekit.techniques.optimization.traced", lambda function, *specs: function):
        found = twice(lambda: vars(invert(net.model, net.layer, photo, 1, start=start, **how)))
    assert found["images"].dtype == found["distances"].dtype == found["trace"].dtype == np.float32
    wanted, before, after = (
        np.asarray(keras.ops.cast(net.plain(net.given(one[np.newaxis]), training=False)["maps"], "float32"))
        for one in (photo, start, found["images"])
    )
    missed = [np.linalg.norm(maps - wanted) / np.linalg.norm(wanted) for maps in (before, after)]
    close(net, [found["trace"][0], found["distances"]], missed)
    assert np.abs(found["images"] - start).max() == 1


@cell
def receptive_field_(net):
    size = None if net.plain is None or None not in net.model.inputs[0].shape[1:3] else net.pictures.shape[1:3]
    field = receptive_field(net.model, net.layer, size)
    assert (field.kind == "exact") == net.exact, field.note
    shape = net.pictures.shape[1:] if isinstance(net.pictures, np.ndarray) else (SIZE, SIZE, 3)
    values = np.random.default_rng(0).uniform(1, 255, (16, *shape))
    last = np.array(field.shape) - 1
    units = {(0, 0), tuple(map(int, last // 2)), tuple(map(int, last))}
    weights = np.linspace(1, 2, net.maps.shape[-1]).astype(np.float32)
    picks = [lambda f, r=r, c=c: tf.cast(f["maps"][:, r, c], tf.float32) @ weights[:, np.newaxis] for r, c in units]
    for unit, gradient in zip(units, gradients(net, picks, values), strict=True):
        box, seen = field.box(*unit), support(gradient)
        if net.exact:
            assert box == seen
        else:
            assert all(np.array(box[:2]) <= seen[:2])
            assert all(np.array(box[2:]) >= seen[2:])


@cell
def arithmetic_(net):
    path = twice(lambda: [str(found) for found in contribution_path(net.model, one(net), net.layer, *strongest(net))])
    found = arithmetic(net.model, one(net), net.layer, *strongest(net))
    assert str(found) == path[0]
    close(net, np.float32(found.value), floats(net, "maps")[0][strongest(net)])
    if found.kind != "not taken apart":
        close(net, np.float32(found.total), found.value)


def strongest(net):
    if net.plain is None:  # it is refused before its place is looked at
        return 0, 0, 0
    maps = np.abs(floats(net, "maps")[0])
    return tuple(map(int, np.unravel_index(maps.argmax(), maps.shape)))


@cell
def top_patches_(net):
    found = twice(lambda: vars(top_patches(net.model, net.layer, net.pictures, 2)))
    maps = floats(net, "maps")
    best = maps.max(axis=(1, 2))
    close(net, found["values"], -np.sort(-best, axis=0)[:2].T)
    size = None if None not in net.model.inputs[0].shape[1:3] else net.pictures.shape[1:3]
    field = receptive_field(net.model, net.layer, size)
    for c in range(maps.shape[-1]):
        for j in range(2):
            picture, (row, column) = found["pictures"][c, j], found["positions"][c, j]
            close(net, found["values"][c, j], maps[picture, row, column, c])
            top, left, bottom, right = box = field.box(int(row), int(column))
            assert tuple(found["boxes"][c, j]) == box
            assert np.array_equal(found["crops"][c][j], net.pictures[picture][top:bottom, left:right])


@cell
def unit_activations_(net):
    found = twice(lambda: unit_activations(net.model, net.layer, net.pictures))
    largest = floats(net, "maps").max(axis=(1, 2))
    close(net, found, largest)
    close(net, unit_activations(net.model, net.layer, one(net)), largest[0])


@cell
def vectors(net):
    maps = activations(net.model, net.pictures, net.layer)
    expected = floats(net, "maps").reshape(len(maps), -1)
    found = twice(lambda: feature_vectors(maps))
    close(net, found, expected)
    close(net, feature_vectors(maps[0]), expected[0])
    close(net, feature_vectors(maps, average=True), floats(net, "maps").mean(axis=(1, 2)))
    strengths = np.linalg.svd(found - found.mean(axis=0), compute_uv=False)
    np.testing.assert_allclose(principal_components(found).singular_values_, strengths[:2], rtol=1e-3)
    indices, _ = twice(lambda: nearest_neighbors(found, found[2], 1))
    assert indices == [2]


@cell
def arrays(net):
    maps = activations(net.model, net.pictures, net.layer)
    assert strongest_channel(maps[0]) == np.unravel_index(maps[0].argmax(), maps[0].shape)[-1]
    close(net, channel_statistics(maps)["mean"], floats(net, "maps").mean(axis=(0, 1, 2)))
    products = np.einsum("nyxi,nyxj->nij", *[floats(net, "maps").astype(np.float64)] * 2)
    close(net, twice(lambda: gram(maps)), products / maps[0].size)
    mask = twice(lambda: activation_mask(maps[0], maps.shape[1:3], threshold=0.0))
    assert np.array_equal(mask, maps[0] > 0)


@cell
def analyze_(net):
    table = analyze(net.model)
    assert table.attrs["parameters"] == net.model.count_params()
    (shape,) = {row for name, row in zip(table["layer"], table["output shape"], strict=True)
                if name == net.layer or name.endswith(f"/{net.layer}")}  # fmt: skip
    assert shape == (tuple(net.maps.shape[1:]) if net.maps is not None else net.shape)
    assert net.model.name in table._repr_html_()


@cell
def ChannelExplorer_(net):
    explorer = ChannelExplorer(net.model, one(net), net.layer)
    close(net, explorer.activation, floats(net, "maps")[0])
    explorer.close()


@cell
def NetworkExplorer_(net):
    explorer = NetworkExplorer(net.model, one(net), net.layer)
    close(net, explorer.activation, floats(net, "maps")[0])
    assert "<img" in explorer._still()
    explorer.paint("eraser", 1, [(0, 0)])
    close(net, explorer.activation, floats(net, "maps")[0])
    explorer.close()


@cell
def DreamExplorer_(net):
    explorer = DreamExplorer(net.model, net.layer, 0, steps=1)
    assert explorer.layer.endswith(net.layer)
    explorer.close()


# pgd and fool take the same gradient as fgsm: a few networks show that, and what a compiled ascent does. transfer_style
# adds what invert and synthesize_texture climb, which go through all of them; a training compiles for seconds.
FEW = ("unet", "transfer", "any_size", "grey", "mixed_float16", "built_from_a_dict", "whole_numbers_in", "makes_nan")
STYLED = (*FEW, "several_outputs", "residual", "float16", "stateful", "channels_first", "sequences_in")
TRAINED = (*FEW[2:], "unet", "stateful", "channels_first")
ONLY_IN = {"pgd": FEW, "fool": FEW, "transfer_style": STYLED, "train_stylizer": TRAINED}
TABLE = [
    (kind, function)
    for kind in KINDS
    for function in (SCORES if kind in ENDS else EVERY)
    if kind in ONLY_IN.get(function, KINDS)
]


@pytest.mark.parametrize(("kind", "function"), TABLE)
def test_cell(kind, function):
    net = KINDS[kind]()
    net.kind = kind
    if function in net.left_out:
        return
    compute = CELLS.get(function) or CELLS[f"{function}_"]
    before = net.before = getattr(net, "before", None) or net.state()
    if function in net.refused:
        with pytest.raises((ValueError, TypeError), match=net.refused[function]) as caught:
            compute(net)
        assert not NO_SENTENCE.search(str(caught.value))
        assert len(str(caught.value)) < 400
        assert not any("tests/contract" in str(entry.path) for entry in caught.traceback[-1:])
    else:
        compute(net)
    assert same(before, net.state())
