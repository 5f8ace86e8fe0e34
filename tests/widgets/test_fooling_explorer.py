"""FoolingExplorer: what it holds, computes, reports and refuses. How it looks in the page: tests/browser."""

import re
import threading

import numpy as np
import pytest

from coursekit import blur, pgd, photos, resave, shift
from coursekit.networks.backend import keras
from coursekit.show.adversarial import magnified
from coursekit.techniques.adversarial import pgd_stages
from coursekit.widgets import FoolingExplorer
from tests.widgets.sample import (
    check_error_of_the_thread_is_told,
    check_refused_and_nothing_changed,
    listening,
    roots_of_negatives,
    two_inputs,
)

layers = keras.layers
PICTURES = np.random.default_rng(0).integers(0, 256, (3, 12, 10, 3)).astype(np.uint8)
STEPS = 6


def build(*end):
    keras.utils.set_random_seed(2)
    body = [layers.Rescaling(1 / 127.5, -1), layers.Conv2D(6, 3, activation="relu", name="conv")]
    return keras.Sequential([keras.Input((12, 10, 3)), *body, layers.Flatten(), *end])


@pytest.fixture(scope="module")
def model():
    return build(layers.Dense(4, activation="softmax", name="prob"))


@pytest.fixture
def explorer(model):
    """An explorer, all done, and what it tells the page from now on."""
    with listening(FoolingExplorer(model, PICTURES, 2, photo=1, budget=4, steps=STEPS)) as explorer:
        yield explorer


def says(model, picture):
    """Return what Keras itself says: (class, probability)."""
    probabilities = model.predict(np.float32(picture)[np.newaxis], verbose=0)[0]
    return int(probabilities.argmax()), pytest.approx(float(probabilities.max()), rel=1e-4)


# ---- what is computed


def test_the_picture_is_that_of_pgd(explorer, model):
    found = pgd(model, PICTURES[1], 2, budget=4, step=1, steps=STEPS, whole=True, progress=False)
    np.testing.assert_array_equal(explorer.fooled, found.images)
    assert explorer.fooled.dtype == np.uint8
    source = found.path[0].argmax()
    np.testing.assert_allclose(explorer.path, found.path[:, [source, 2]], rtol=1e-5)
    np.testing.assert_array_equal(explorer.image, PICTURES[1])
    assert [tuple(pair) for pair in explorer._photos] == [says(model, one) for one in PICTURES]
    assert (explorer.answers, explorer.tried) == ({}, [])


@pytest.mark.parametrize("change", [{"photo": 2}, {"target": 0}, {"budget": 1}])
def test_each_choice_counts(explorer, model, change):
    for name, value in change.items():
        setattr(explorer, name, value)
    explorer.wait()
    how = {"photo": 1, "target": 2, "budget": 4, **change}
    found = pgd(
        model, PICTURES[how["photo"]], how["target"], budget=how["budget"], step=1, steps=STEPS, whole=True
    )  # fmt: skip
    np.testing.assert_array_equal(explorer.fooled, found.images)


def test_no_budget_no_change(explorer):
    explorer.budget = 0
    explorer.wait()
    np.testing.assert_array_equal(explorer.fooled, PICTURES[1])


def test_trials(explorer, model):
    lie = explorer.fooled
    explorer.tried = ("jpeg", "png", "shift4", "blur", "jpeg")
    explorer.wait()
    assert explorer.tried == ["jpeg", "png", "shift4", "blur"]
    ways = {"jpeg": lambda x: resave(x, "jpeg"), "png": resave, "shift4": lambda x: shift(x, 0, 4), "blur": blur}
    assert list(explorer.answers) == list(ways)
    for name, way in ways.items():
        assert explorer.answers[name] == (says(model, way(lie)), says(model, way(PICTURES[1])))
    assert explorer.answers["png"] == (says(model, lie), says(model, PICTURES[1]))
    explorer.photo, explorer.tried = 0, ["png"]  # what is tried stays tried, with the new photo
    explorer.wait()
    assert explorer.answers == {"png": (says(model, explorer.fooled), says(model, PICTURES[0]))}


def test_what_was_there_before_is_not_computed_again(explorer, monkeypatch):
    before = explorer.fooled
    explorer.target, explorer.tried = 1, ["jpeg"]
    explorer.wait()
    other = explorer.answers
    monkeypatch.setattr("coursekit.widgets.fooling_explorer.pgd_stages", None)
    explorer.target, explorer.tried = 2, []
    explorer.wait()
    np.testing.assert_array_equal(explorer.fooled, before)
    explorer.target, explorer.tried = 1, ["jpeg"]
    explorer.wait()
    assert explorer.answers == other


# ---- what the page gets


def test_every_step_is_told(explorer):
    explorer.target = 3
    explorer.wait()
    paths = [content["shown"]["path"] for content, _ in explorer.told if content["shown"]["target"] == 3]
    assert [len(path) for path in paths][: STEPS + 1] == list(range(1, STEPS + 2))
    content, buffers = explorer.told[-1]
    shown = content["shown"]
    assert (content["running"], content["error"]) == (False, "")
    assert (shown["photo"], shown["budget"], shown["steps"], shown["shape"]) == (1, 4, STEPS, (12, 10))
    np.testing.assert_allclose(shown["path"], explorer.path)
    expected = PICTURES[1], explorer.fooled, magnified(PICTURES[1], explorer.fooled, explorer._factor)
    for buffer, picture in zip(buffers, expected, strict=True):
        np.testing.assert_array_equal(np.frombuffer(buffer, np.uint8).reshape(12, 10, 3), picture)


def test_trials_come_one_after_the_other(explorer):
    explorer.tried = ["png", "jpeg", "blur"]
    explorer.wait()
    counts = [len(content["shown"]["answers"]) for content, _ in explorer.told]
    assert counts == sorted(counts)
    assert set(counts) == {0, 1, 2, 3}
    last = explorer.told[-1][0]["shown"]["answers"]
    assert {name: tuple(pair) for name, *pair in last} == explorer.answers


def test_a_new_view_gets_all(explorer):
    explorer._receive(None, {"kind": "look"}, [])
    content, buffers = explorer.told[-1]
    assert len(content["shown"]["path"]) == STEPS + 1
    assert len(buffers) == 3


def test_a_new_choice_cancels(explorer, monkeypatch):
    asked, go_on = threading.Event(), threading.Event()

    def slowly(*args):
        for stage in pgd_stages(*args):
            asked.set()
            assert go_on.wait(60)
            yield stage

    monkeypatch.setattr("coursekit.widgets.fooling_explorer.pgd_stages", slowly)
    explorer.target = 3
    assert asked.wait(60)
    explorer.target = 0
    go_on.set()
    explorer.wait()
    assert {content["shown"]["target"] for content, _ in explorer.told} == {2, 0}
    assert (1, 3, 4) not in explorer._lies  # what was not led to its end is not kept


def test_nothing_is_computed_after_the_end(explorer):
    explorer.close()
    thread = explorer._thread
    explorer.target = 3
    assert explorer._thread is thread


def test_choice_of_the_page(explorer):
    explorer.set_state({"photo": 2, "target": 1, "budget": 8, "tried": ["shift1"]})
    explorer.wait()
    assert (explorer.photo, explorer.target, explorer.budget, explorer.tried) == (2, 1, 8, ["shift1"])
    assert np.abs(explorer.fooled.astype(int) - PICTURES[2]).max() <= STEPS
    assert list(explorer.answers) == ["shift1"]


def test_in_words(explorer, model):
    explorer.tried = ["png"]
    explorer.wait()
    (source, p), (first, q) = explorer._photos[1], says(model, explorer.fooled)
    words = f"photo 1, class {source} {p:.2f}, led to class 2 within 4 grey levels: class {first} {q.expected:.2f}"
    assert repr(explorer) == f"FoolingExplorer: {words}"
    still = explorer._still()
    assert f"<p>{words}.</p>" in still
    alt = re.search(r'alt="([^"]+)"', still)[1]
    assert f"class {source} {p:.2f}; class {first} {q.expected:.2f}: the largest change is 4 grey levels" in alt
    assert re.findall(r"<td>(.+?)</td>", still)[0] == "saved as PNG"


# ---- other networks and pictures


def test_a_network_that_gives_scores():
    model = build(layers.Dense(4, name="scores"))
    explorer = FoolingExplorer(model, PICTURES, 1, tried=["png"], steps=3)
    explorer.wait()
    scores = model.predict(np.float32(PICTURES[:1]), verbose=0)[0].astype(float)
    expected = np.exp(scores - scores.max()) / np.exp(scores - scores.max()).sum()
    assert tuple(explorer._photos[0]) == (int(scores.argmax()), pytest.approx(expected.max(), rel=1e-3))
    np.testing.assert_allclose(explorer.path[0], expected[[scores.argmax(), 1]], rtol=1e-3)
    explorer.close()


def test_pictures_are_brought_to_what_the_network_takes(model):
    explorer = FoolingExplorer(model, PICTURES[0, :9, :, :1] / 1.7, 1)
    explorer.wait()
    assert (explorer.image.shape, explorer.image.dtype, len(explorer._photos)) == ((12, 10, 3), np.uint8, 1)
    explorer.close()


def test_class_by_name(network):
    images, _ = photos()
    explorer = FoolingExplorer(network, images[[15, 8]], "koala", photo=0, budget=2, tried=["png", "jpeg"])
    assert explorer.target == 105
    explorer.wait()
    assert explorer._classes[explorer._photos[0][0]] == "goose"
    assert (explorer._short[105], explorer._short[281]) == ("koala", "tabby")
    assert len(set(explorer._short)) == 1000
    assert "led to koala within 2 grey levels: koala " in repr(explorer)
    assert explorer.path[-1, 1] > 0.9 > 0.1 > explorer.path[-1, 0]
    lie, clean = explorer.answers["png"]
    assert (lie[0], clean[0]) == (105, 99)
    assert explorer.answers["jpeg"][0][0] != 105
    with pytest.raises(ValueError, match="ImageNet has no class 'koalla'"):
        explorer.target = "koalla"
    explorer.close()


# ---- what is refused


@pytest.mark.parametrize(
    ("make", "error", "text"),
    [
        (lambda m: FoolingExplorer("squeezenet", PICTURES, 0), TypeError, "Expected a Keras model, not str"),
        (lambda m: FoolingExplorer(two_inputs(), PICTURES, 0), ValueError, "networks that take one picture"),
        (lambda m: FoolingExplorer(build(layers.Dense(1)), PICTURES, 0), ValueError, "This network has one class"),
        (lambda m: FoolingExplorer(m, PICTURES, 4), ValueError, "There is no class 4: there are 4"),
        (lambda m: FoolingExplorer(m, PICTURES, 1.5), TypeError, "class must be a whole number"),
        (lambda m: FoolingExplorer(m, PICTURES, 0, photo=3), ValueError, "There is no photo 3: there are 3"),
        (lambda m: FoolingExplorer(m, PICTURES, 0, budget=9), ValueError, "budget must be from 0 to 8, not 9"),
        (lambda m: FoolingExplorer(m, PICTURES, 0, budget=0.5), TypeError, "budget must be a whole number from 0 to 8"),
        (lambda m: FoolingExplorer(m, PICTURES, 0, steps=0), ValueError, "steps must be at least 1"),
        (lambda m: FoolingExplorer(m, PICTURES, 0, tried="png"), TypeError, "tried is a list such as"),
        (lambda m: FoolingExplorer(m, PICTURES, 0, tried=["jpg"]), ValueError, "Did you mean 'jpeg'"),
        (lambda m: FoolingExplorer(m, PICTURES - 9.0, 0), ValueError, "images must have values from 0 to 255"),
        (lambda m: FoolingExplorer(m, PICTURES * np.nan, 0), ValueError, "NaN or infinity"),
    ],
)
def test_refused_at_construction(model, make, error, text):
    with pytest.raises(error, match=re.escape(text)):
        make(model)


def test_a_network_of_nan_is_refused():
    with pytest.raises(ValueError, match="The network gives NaN for this picture"):
        FoolingExplorer(roots_of_negatives(), PICTURES, 1)


@pytest.mark.parametrize(("name", "value"), [("target", 9), ("photo", -1), ("budget", 9), ("tried", ["gif"])])
def test_what_is_refused_changes_nothing(explorer, name, value):
    check_refused_and_nothing_changed(explorer, name, value)


def test_an_error_of_the_thread_is_told(explorer, monkeypatch):
    check_error_of_the_thread_is_told(explorer, monkeypatch, "pgd_stages")
