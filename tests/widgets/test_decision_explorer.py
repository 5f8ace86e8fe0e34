"""DecisionExplorer: what it holds, computes, reports and refuses. How it looks in the page: tests/browser."""

import re
import threading

import numpy as np
import pytest
from scipy.stats import pearsonr, spearmanr

from coursekit import grad_cam, guided_backprop, photo, randomize, saliency, smoothgrad
from coursekit.networks.backend import keras
from coursekit.show.saliency import RED_BLUE
from coursekit.techniques.decision import decision_maps
from coursekit.widgets import DecisionExplorer
from tests.widgets.sample import (
    check_error_of_the_thread_is_told,
    check_refused_and_nothing_changed,
    listening,
    roots_of_negatives,
    two_inputs,
)

layers = keras.layers
PICTURE = np.random.default_rng(0).uniform(0, 255, (12, 10, 3)).astype(np.float32)


def build(*end, relu=True):
    keras.utils.set_random_seed(1)
    body = [layers.Rescaling(1 / 127.5, -1), layers.Conv2D(6, 3, activation="relu" if relu else None, name="conv")]
    body += [layers.Conv2D(5, 3, activation="relu", name="last")]
    return keras.Sequential([keras.Input((12, 10, 3)), *body, *end])


@pytest.fixture(scope="module")
def model():
    return build(layers.GlobalAveragePooling2D(), layers.Dense(4, activation="softmax", name="prob"))


@pytest.fixture
def explorer(model):
    """An explorer, all its maps done, and what it tells the page from now on."""
    with listening(DecisionExplorer(model, PICTURE, 2, samples=3)) as explorer:
        yield explorer


def by_method(explorer):
    return {one["method"]: one for one in explorer.told[-1][0]["shown"]}


# ---- what is computed


def test_maps_are_those_of_the_techniques(explorer, model):
    expected = {
        "gradient": saliency(model, PICTURE, 2).sum(-1),
        "smoothgrad": smoothgrad(model, PICTURE, 2, 3, progress=False).sum(-1),
        "guided_backprop": guided_backprop(model, PICTURE, 2).sum(-1),
        "grad_cam": grad_cam(model, PICTURE, 2, "last", upsample=False),
    }
    assert list(explorer.maps) == ["gradient", "smoothgrad", "guided_backprop", "deconvnet", "grad_cam"]
    for name, values in expected.items():
        np.testing.assert_allclose(explorer.maps[name], values, rtol=1e-3, atol=1e-6)
    assert explorer.maps["grad_cam"].shape == (8, 6)
    assert (explorer.layer, explorer.maps_against, explorer.correlations) == ("last", {}, {})
    assert set(explorer.rank_correlations.values()) == {1.0}


def test_begins_with_the_top_class(model):
    explorer = DecisionExplorer(model, PICTURE)
    explorer.wait()  # its thread compiles the model without its last activation: nobody else may compile it meanwhile
    answers = model.predict(PICTURE[np.newaxis], verbose=0)[0]
    assert explorer.target == answers.argmax()
    assert [index for index, _ in explorer._top] == np.argsort(-answers).tolist()
    np.testing.assert_allclose([value for _, value in explorer._top], np.sort(answers)[::-1], rtol=1e-5)
    explorer.target = int(answers.argmin())
    explorer.target = None
    assert explorer.target == answers.argmax()
    explorer.close()


def test_two_classes_on_one_scale(explorer):
    explorer.against = 0
    explorer.wait()
    for name, values in explorer.maps.items():
        other = explorer.maps_against[name]
        assert explorer.correlations[name] == pytest.approx(pearsonr(values.ravel(), other.ravel())[0], abs=1e-5)
        a, b = by_method(explorer)[name]["rows"]
        together = np.abs(np.stack([values, other]))
        assert a["limit"] == b["limit"] == pytest.approx(np.quantile(together, 0.995), rel=1e-5)
        assert (a["name"], b["name"]) == ("class 2", "class 0")
    explorer.own_scale = True
    explorer.wait()
    a, b = by_method(explorer)["gradient"]["rows"]
    assert a["limit"] == pytest.approx(np.quantile(np.abs(explorer.maps["gradient"]), 0.995), rel=1e-5)
    assert a["limit"] != b["limit"]
    explorer.against = None
    explorer.wait()
    assert (explorer.maps_against, explorer.correlations) == ({}, {})


def test_randomized_layers(explorer, model):
    trained = explorer.maps
    for count in (1, 3, 1):
        explorer.randomized = count
        explorer.wait()
        twin = randomize(model, count, 0)
        np.testing.assert_allclose(explorer.maps["gradient"], saliency(twin, PICTURE, 2).sum(-1), rtol=1e-3, atol=1e-6)
        for name, values in explorer.maps.items():
            expected = spearmanr(values.ravel(), trained[name].ravel()).statistic
            np.testing.assert_allclose(explorer.rank_correlations[name], expected, atol=1e-6)
    assert explorer._learnt == ["prob", "last", "conv"]
    explorer.randomized = 0
    explorer.wait()
    np.testing.assert_array_equal(explorer.maps["gradient"], trained["gradient"])
    assert by_method(explorer)["gradient"]["rows"][0]["trained"] is None


def test_mistakes(explorer, model):
    right = explorer.maps
    explorer.absolute = explorer.without_relu = True
    explorer.wait()
    assert (explorer.maps["smoothgrad"] >= 0).all()
    assert (right["smoothgrad"] < 0).any()
    np.testing.assert_array_equal(np.maximum(explorer.maps["grad_cam"], 0), right["grad_cam"])
    np.testing.assert_array_equal(explorer.maps["gradient"], right["gradient"])
    explorer.probability = True
    explorer.wait()
    every = saliency(model, PICTURE, range(4)).sum(-1)
    p = model.predict(PICTURE[np.newaxis], verbose=0)[0]
    expected = p[2] * (every[2] - np.tensordot(p, every, 1))
    np.testing.assert_allclose(explorer.maps["gradient"], expected, rtol=1e-3, atol=1e-4 * np.abs(expected).max())
    assert "with the mistakes probability, absolute, without_relu" in repr(explorer)


def test_layer_of_grad_cam(explorer, model):
    explorer.layer = "conv"
    explorer.wait()
    np.testing.assert_allclose(
        explorer.maps["grad_cam"], grad_cam(model, PICTURE, 2, "conv", upsample=False), rtol=1e-4, atol=1e-7
    )


def test_what_was_there_before_is_not_computed_again(explorer, monkeypatch):
    before = explorer.maps
    explorer.target = 1
    explorer.wait()
    monkeypatch.setattr("coursekit.widgets.decision_explorer.decision_maps", None)
    explorer.target = 2
    explorer.wait()
    for name, values in before.items():
        assert explorer.maps[name] is values


# ---- what the page gets


def test_maps_come_one_after_the_other(explorer):
    explorer.target = 0
    explorer.wait()
    counts = [len(content["shown"]) for content, _ in explorer.told]
    assert counts == sorted(counts)
    assert {1, 2, 3, 4, 5} <= set(counts)
    sent = [np.frombuffer(buffer, "<f4") for _, buffers in explorer.told for buffer in buffers]
    assert len(sent) == 5  # each once
    for values, expected in zip(sent, explorer.maps.values(), strict=True):
        np.testing.assert_array_equal(values, expected.ravel())
    assert explorer.told[-1][0]["running"] is False


def test_a_new_view_gets_all(explorer):
    explorer._receive(None, {"kind": "look"}, [])
    content, buffers = explorer.told[-1]
    assert [one["maps"] for one in content["shown"]] == [True] * 5
    assert len(buffers) == 5


def test_a_new_choice_cancels(explorer, monkeypatch):
    asked, go_on = threading.Event(), threading.Event()

    def slowly(*args, **how):
        asked.set()
        assert go_on.wait(60)
        return decision_maps(*args, **how)

    monkeypatch.setattr("coursekit.widgets.decision_explorer.decision_maps", slowly)
    explorer.target = 3
    assert asked.wait(60)
    explorer.target = 0
    go_on.set()
    explorer.wait()
    names = {row["name"] for content, _ in explorer.told for one in content["shown"] for row in one["rows"]}
    assert names == {"class 0"}  # what was being computed for class 3 is never shown
    assert list(explorer._shown) == list(explorer.maps)


def test_nothing_is_computed_after_the_end(explorer):
    explorer.close()
    thread = explorer._thread
    explorer.target = 3
    assert explorer._thread is thread


def test_choice_of_the_page(explorer):
    explorer.set_state({"target": 1, "against": 3, "randomized": 2, "absolute": True})
    explorer.wait()
    assert (explorer.target, explorer.against, explorer.randomized, explorer.absolute) == (1, 3, 2, True)
    assert list(explorer.correlations) == list(explorer.maps)


def test_photo_and_colours(explorer):
    shown = np.frombuffer(explorer._photo["rgb"], np.uint8).reshape(12, 10, 3)
    np.testing.assert_array_equal(shown, np.rint(PICTURE))
    palette = np.frombuffer(explorer._palette, np.uint8).reshape(-1, 3)
    np.testing.assert_array_equal(palette, RED_BLUE(np.arange(255), bytes=True)[:, :3])
    assert palette[127].min() > 240  # white in the middle


# ---- nothing, and no numbers


def test_a_map_of_zeros_stays_zero(model):
    silent = keras.models.clone_model(model)
    silent.layers[2].set_weights([w * 0 - 1 for w in silent.layers[2].get_weights()])  # its ReLU is closed everywhere
    explorer = DecisionExplorer(silent, PICTURE, 1, 2, samples=2, own_scale=True)
    explorer.wait()
    told = explorer._rows(explorer._shown["gradient"])
    assert not explorer.maps["gradient"].any()
    assert not explorer.maps["grad_cam"].any()
    assert (told[0]["range"], told[0]["limit"]) == ("nothing: zero everywhere", 0)
    assert np.isnan(explorer.correlations["gradient"])
    assert "nothing: zero everywhere; correlation of both not defined" in explorer._still()
    explorer.close()


def test_maps_of_nan_are_shown_as_such():
    explorer = DecisionExplorer(roots_of_negatives(), PICTURE, 1, 2, samples=2)
    explorer.wait()
    bad = np.isnan(explorer.maps["gradient"])
    assert 0 < bad.mean() < 1
    (told, _) = explorer._rows(explorer._shown["gradient"])
    assert told["range"] == f"NaN at {bad.mean():.0%} of the places"
    assert np.isfinite(told["limit"])
    assert np.isnan(explorer.correlations["gradient"])
    assert all(value is None for _, value in explorer._top)
    assert "NaN at" in explorer._still()
    explorer.close()


# ---- other networks


def test_a_network_that_gives_scores():
    explorer = DecisionExplorer(build(layers.Flatten(), layers.Dense(4, name="scores")), PICTURE, samples=2)
    explorer.wait()
    assert explorer._squashed is False
    with pytest.raises(ValueError, match="gives scores, not probabilities"):
        explorer.probability = True
    assert explorer.probability is False
    assert "The largest scores: class" in explorer._still()
    explorer.close()


def test_a_network_without_maps():
    dense = keras.Sequential([keras.Input((12, 10, 3)), layers.Flatten(), layers.Dense(3, "softmax")])
    explorer = DecisionExplorer(dense, PICTURE, samples=2)
    explorer.wait()
    assert list(explorer.maps) == ["gradient", "smoothgrad", "guided_backprop", "deconvnet"]
    assert explorer.layer is None
    explorer.close()


def test_class_by_name(network):
    explorer = DecisionExplorer(network, photo("chelsea", 227), "Egyptian cat", samples=1)
    assert (explorer.target, explorer.layer) == (285, explorer._layers[-1])
    assert len(explorer._classes) == 1000
    explorer.against = "goose"
    assert explorer.against == 99
    with pytest.raises(ValueError, match="Did you mean 'goose'"):
        explorer.against = "gooze"
    explorer.wait()
    assert explorer.correlations["guided_backprop"] > 0.95 > 0.5 > explorer.correlations["gradient"]
    alt = re.search(r'alt="([^"]+)"', explorer._still())[1]
    assert alt.startswith(
        "A picture and its maps for Egyptian cat against goose. The largest probabilities: Egyptian ca"
    )
    assert f"correlation of both {explorer.correlations['guided_backprop']:.2f}." in alt
    explorer.close()


# ---- what is refused


@pytest.mark.parametrize(
    ("make", "error", "says"),
    [
        (lambda m: DecisionExplorer("squeezenet", PICTURE), TypeError, "Expected a Keras model, not str"),
        (lambda m: DecisionExplorer(two_inputs(), PICTURE), ValueError, "networks that take one picture"),
        (lambda m: DecisionExplorer(build(), PICTURE), ValueError, "Class scores are for networks with one output"),
        (lambda m: DecisionExplorer(m, PICTURE, "tabby"), ValueError, "This network has 4 classes"),
        (lambda m: DecisionExplorer(m, PICTURE, 4), ValueError, "There is no class 4: there are 4"),
        (lambda m: DecisionExplorer(m, PICTURE, 0, 1.5), TypeError, "class must be a whole number"),
        (lambda m: DecisionExplorer(m, PICTURE, layer="lost"), ValueError, "Did you mean 'last'"),
        (lambda m: DecisionExplorer(m, PICTURE, layer="prob"), ValueError, "Grad-CAM cannot look at layer 'prob'"),
        (lambda m: DecisionExplorer(m, PICTURE, randomized=4), ValueError, "there are 3 layers with weights"),
        (lambda m: DecisionExplorer(m, PICTURE, samples=0), ValueError, "samples must be at least 1"),
        (lambda m: DecisionExplorer(m, PICTURE * np.nan), ValueError, "NaN or infinity"),
        (lambda m: DecisionExplorer(m, PICTURE[np.newaxis].repeat(2, 0)), ValueError, "image must be one picture"),
    ],
)
def test_refused_at_construction(model, make, error, says):
    with pytest.raises(error, match=re.escape(says)):
        make(model)


def test_channels_first():
    x = keras.Input((3, 12, 10))
    y = layers.Conv2D(4, 3, data_format="channels_first")(x)
    first = keras.Model(x, layers.Dense(3)(layers.GlobalAveragePooling2D(data_format="channels_first")(y)))
    with pytest.raises(ValueError, match="channels"):
        DecisionExplorer(first, PICTURE)


@pytest.mark.parametrize(("name", "value"), [("target", 9), ("against", -1), ("randomized", 4), ("layer", "prob")])
def test_what_is_refused_changes_nothing(explorer, name, value):
    check_refused_and_nothing_changed(explorer, name, value)


def test_an_error_of_the_thread_is_told(explorer, monkeypatch):
    check_error_of_the_thread_is_told(explorer, monkeypatch, "decision_maps")
