"""One pass gives what the techniques give that look for one thing each."""

import numpy as np
import pytest

from coursekit import activations, top_patches
from coursekit.networks.backend import keras
from coursekit.pictures.streams import Fit, as_stream
from coursekit.techniques import survey as survey_module
from coursekit.techniques.patches_search import Search
from coursekit.techniques.survey import Plan, survey
from tests.report.folders import small_network, write_pictures

SEARCHED = {"bent": (0, 3, 5), "deep": (1, 9)}
FIT = Fit((12, 12), 3, scan=False, longest=None)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    place = tmp_path_factory.mktemp("pictures")
    write_pictures(place)
    return place


@pytest.fixture(scope="module")
def model():
    return small_network()


def plan(**other):
    searches = [Search(name, 3, chosen, {"bent": 6, "deep": 10}[name], 1, FIT) for name, chosen in SEARCHED.items()]
    return Plan(**{"searches": tuple(searches), "features": "deep", "output": "probabilities", "probabilities": True,
                   "fit": FIT, **other})  # fmt: skip


def labels(count):
    return np.arange(count) % 4 - 1  # one in four has none


def readable(folder):
    from coursekit import folder as read

    with pytest.warns(UserWarning, match="broken"):
        images, names = read(folder, (12, 12))
    return images, names


def test_the_same_as_each_technique_by_itself(model, folder):
    stream = as_stream(folder)
    found = survey(model, plan(), stream, labels(16), batch_size=4)
    images, names = readable(folder)
    assert (found.done, found.unread_count, found.interrupted) == (16, 1, False)
    assert [stream.names[i] for i in found.read] == names
    for layer, chosen in SEARCHED.items():
        with pytest.warns(UserWarning, match="left out"):
            alone = top_patches(model, layer, folder, 3, channels=chosen, batch_size=4)
        together = found.patches[layer]
        np.testing.assert_allclose(together.values, alone.values, rtol=1e-6)
        np.testing.assert_array_equal(together.names, alone.names)
        np.testing.assert_array_equal(together.boxes, alone.boxes)
        assert together.searched == 15  # which could be read
        np.testing.assert_array_equal(together.crops[1][0], alone.crops[1][0])
    deep = activations(model, images, "deep").mean(axis=(1, 2))
    np.testing.assert_allclose(found.features, deep, rtol=1e-5, atol=1e-6)
    outputs = np.asarray(model(images.astype(np.float32)))
    answers, own = found.answers, labels(16)[found.read]
    np.testing.assert_array_equal(answers.first, outputs.argmax(axis=1))
    np.testing.assert_array_equal(answers.second, outputs.argsort(axis=1)[:, 1])
    np.testing.assert_allclose(answers.values, np.sort(outputs, axis=1)[:, :0:-1], rtol=1e-5)
    np.testing.assert_array_equal(answers.labels, own)
    np.testing.assert_allclose(answers.of_label[own >= 0], outputs[np.arange(15), own][own >= 0], rtol=1e-5)
    np.testing.assert_array_equal(answers.wrong, (own >= 0) & (outputs.argmax(axis=1) != own))


def test_features_of_some_pictures_spread_evenly(model, monkeypatch):
    images = np.random.default_rng(0).integers(0, 256, (41, 12, 12, 3)).astype(np.uint8)
    monkeypatch.setattr(survey_module, "MOST_FEATURES", 5)
    found = survey(model, plan(), as_stream(images), labels(41), batch_size=8)
    assert found.sampled.tolist() == [0, 10, 20, 30, 40]
    expected = activations(model, images[::10], "deep").mean(axis=(1, 2))
    np.testing.assert_allclose(found.features, expected, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize(
    ("probabilities", "expected"), [(True, [[0.7, 0.3], [0.8, 0.2]]), (False, [[0.3, 0], [0.8, 0]])]
)
def test_a_single_output_tells_two_classes_apart(probabilities, expected):
    x = keras.Input((1, 1, 1))
    y = keras.layers.GlobalAveragePooling2D()(x)
    model = keras.Model(x, keras.layers.Identity(name="out")(y))
    images = np.float32([0.3, 0.8]).reshape(2, 1, 1, 1)
    one = Plan((), None, "out", probabilities, Fit((1, 1), 1, False, None))
    found = survey(model, one, as_stream(images), np.array([1, 1]))
    np.testing.assert_allclose(found.answers.values, expected, rtol=1e-6)
    assert found.answers.first.tolist() == ([0, 1] if probabilities else [1, 1])
    np.testing.assert_allclose(found.answers.of_label, [0.3, 0.8], rtol=1e-6)


def test_a_single_number_may_be_of_no_class():
    x = keras.Input((1, 1, 1))
    model = keras.Model(x, keras.layers.GlobalAveragePooling2D(name="out")(x))
    images = np.float32([0.3, -0.8]).reshape(2, 1, 1, 1)
    one = Plan((), None, "out", False, Fit((1, 1), 1, False, None), classless=True)
    found = survey(model, one, as_stream(images), np.array([-1, -1]))
    np.testing.assert_array_equal(found.answers.values, np.float32([[0.3, np.nan], [-0.8, np.nan]]))
    assert not found.answers.wrong.any()


def test_what_is_not_finite_is_said_and_the_rest_is_there():
    x = keras.Input((4, 4, 3))
    first = keras.layers.Conv2D(2, 1, name="good")(x)
    bad = keras.layers.Activation(keras.ops.log, name="bad")(first - 1e6)
    model = keras.Model(x, keras.layers.Dense(2, name="out")(keras.layers.Flatten()(bad)))
    fit = Fit((4, 4), 3, False, None)
    searches = tuple(Search(name, 2, (0, 1), 2, 1, fit) for name in ("good", "bad"))
    images = np.random.default_rng(0).integers(0, 256, (5, 4, 4, 3)).astype(np.uint8)
    found = survey(model, Plan(searches, "bad", "out", False, fit), as_stream(images), labels(5))
    assert list(found.patches) == ["good"]
    assert set(found.troubles) == {"bad", "features", "answers"}
    assert "gives NaN" in found.troubles["bad"]
    assert found.answers is None
    assert len(found.features) == 0


def test_on_a_cluster(model, folder):
    distributed = pytest.importorskip("distributed")
    here = survey(model, plan(), as_stream(folder), labels(16), batch_size=4)
    with distributed.Client(processes=False, n_workers=2, threads_per_worker=1, dashboard_address=None) as client:
        there = survey(model, plan(), as_stream(folder), labels(16), batch_size=4, client=client)
    np.testing.assert_allclose(there.features, here.features, rtol=1e-6)
    for mine, other in zip(here.answers, there.answers, strict=True):
        np.testing.assert_allclose(other, mine, rtol=1e-6)
    for layer in SEARCHED:
        np.testing.assert_allclose(there.patches[layer].values, here.patches[layer].values, rtol=1e-6)
    assert there.unread == here.unread
