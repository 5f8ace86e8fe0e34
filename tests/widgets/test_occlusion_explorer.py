"""OcclusionExplorer: what it holds, computes, reports and refuses. How it looks in the page: tests/browser."""

import re
import threading
import time

import numpy as np
import pytest

from coursekit import OcclusionExplorer, class_score, occlusion, photo
from coursekit.networks.backend import keras
from coursekit.show.class_activation import over_picture
from coursekit.show.scale import scale_of
from coursekit.techniques.occlusion import growing_occlusion
from tests.widgets.sample import (
    check_error_of_the_thread_is_told,
    check_refused_and_nothing_changed,
    listening,
    roots_of_negatives,
    two_inputs,
    until,
)

layers = keras.layers
PICTURE = np.random.default_rng(0).integers(0, 256, (12, 10, 3)).astype(np.uint8)


def build(*end):
    keras.utils.set_random_seed(1)
    body = [layers.Rescaling(1 / 127.5, -1), layers.Conv2D(6, 3, activation="relu")]
    return keras.Sequential([keras.Input((12, 10, 3)), *body, *end])


@pytest.fixture(scope="module")
def model():
    return build(layers.GlobalAveragePooling2D(), layers.Dense(8, activation="softmax", name="prob"))


@pytest.fixture
def explorer(model):
    """An explorer, its map done, and what it tells the page from now on."""
    with listening(OcclusionExplorer(model, PICTURE, 2, patch=4, position=(3, 5))) as explorer:
        yield explorer


def told(explorer, kind):
    return [(content, buffers) for content, buffers in explorer.told if content["kind"] == kind]


def under(explorer, model, cover):
    """Return the scores of the photo with a patch laid on by hand."""
    row, column = explorer.position
    copy = PICTURE.astype(np.float32)
    for y in range(row, row + explorer.patch):
        for x in range(column, column + explorer.patch):
            copy[y, x] = np.broadcast_to(cover, PICTURE.shape)[y, x]
    return np.array([class_score(model, index)(copy) for index in range(8)])


# ---- the patch


def test_scores_follow_the_patch(explorer, model):
    mean = PICTURE.mean((0, 1))
    assert explorer.position == [3, 5]
    np.testing.assert_allclose(explorer.scores, under(explorer, model, mean), rtol=1e-4, atol=1e-5)
    for place in ((0, 0), (8, 6), (0, 6)):
        explorer.position = place
        np.testing.assert_allclose(explorer.scores, under(explorer, model, mean), rtol=1e-4, atol=1e-5)
        content, _ = told(explorer, "scores")[-1]
        assert content["position"] == list(place)
        answers = model(explorer.covered[np.newaxis].astype(np.float32)).numpy()[0]
        assert content["winner"] == answers.argmax()
        assert content["output"] == pytest.approx(answers.max(), rel=1e-4)
        for one in content["rows"]:
            assert one["score"] == pytest.approx(float(explorer.scores[one["index"]]))
            assert one["whole"] == pytest.approx(class_score(model, one["index"])(PICTURE), rel=1e-4)
            assert one["output"] == pytest.approx(answers[one["index"]], rel=1e-4)


def test_the_five_top_classes_are_listed_and_the_one_of_the_map(explorer, model):
    answers = np.argsort(-model(PICTURE[np.newaxis].astype(np.float32)).numpy()[0])
    explorer.target = None
    assert explorer.target == answers[0]
    assert [one["index"] for one in told(explorer, "scores")[-1][0]["rows"]] == answers[:5].tolist()
    explorer.target = int(answers[7])
    assert [one["index"] for one in told(explorer, "scores")[-1][0]["rows"]] == [*answers[:5], answers[7]]


@pytest.mark.parametrize(
    ("name", "cover"), [("grey", 127.5), ("black", 0), ("mean", PICTURE.mean((0, 1))), ("blur", None)]
)
def test_baselines(explorer, model, name, cover):
    explorer.baseline = "grey" if name == "mean" else "mean"
    explorer.baseline = name
    explorer.wait()
    if cover is not None:
        np.testing.assert_allclose(explorer.scores, under(explorer, model, cover), rtol=1e-4, atol=1e-5)
    row, column = explorer.position
    shown = np.frombuffer(explorer._cover["rgb"], np.uint8).reshape(12, 10, 3)[row : row + 4, column : column + 4]
    np.testing.assert_array_equal(shown, np.rint(explorer.covered[row : row + 4, column : column + 4]))
    stride = explorer._places_apart(4)
    how = {"patch": 4, "stride": stride, "baseline": 0 if name == "black" else name}
    np.testing.assert_allclose(explorer.map, occlusion(model, PICTURE, 2, **how), rtol=1e-3, atol=1e-5)


def test_what_the_patch_does_not_cover_stays(explorer):
    inside = np.zeros((12, 10), bool)
    inside[3:7, 5:9] = True
    np.testing.assert_array_equal(explorer.covered[~inside], PICTURE[~inside])
    assert (explorer.covered[inside] == np.float32(PICTURE.mean((0, 1)))).all()


def test_a_larger_patch_moves_into_the_photo(explorer, model):
    explorer.position = (8, 6)
    explorer.patch = 9
    assert explorer.position == [3, 1]
    np.testing.assert_allclose(explorer.scores, under(explorer, model, PICTURE.mean((0, 1))), rtol=1e-4, atol=1e-5)
    explorer.patch = 2
    assert explorer.position == [3, 1]


def test_back_to_the_middle(explorer):
    explorer.position = None
    assert explorer.position == [4, 3]


def test_a_place_that_came_too_late_is_put_right(explorer):
    explorer.set_state({"patch": 9, "position": [8, 6]})
    assert (explorer.patch, explorer.position) == (9, [3, 1])
    explorer.set_state({"position": [12, 0]})
    assert explorer.position == [3, 0]
    explorer.set_state({"baseline": "black", "target": 5, "position": [1, 1]})
    assert (explorer.baseline, explorer.target, explorer.position) == ("black", 5, [1, 1])


# ---- the map


def test_the_map_is_that_of_the_technique(explorer, model):
    np.testing.assert_allclose(explorer.map, occlusion(model, PICTURE, 2, 4, 1, "mean"), rtol=1e-3, atol=1e-5)
    explorer._receive(None, {"kind": "look"}, [])
    content, (rgb,) = told(explorer, "map")[-1]
    shown = np.frombuffer(rgb, np.uint8).reshape(12, 10, 3)
    np.testing.assert_array_equal(shown, over_picture(PICTURE, explorer.map, scale_of(explorer.map, True)))
    assert content["running"] is False
    assert content["map"]["share"] == 1
    assert content["map"]["limit"] == pytest.approx(float(np.abs(explorer.map).max()))
    assert content["map"]["said"].startswith("Occlusion map of class 2: values ")


@pytest.mark.parametrize(("patch", "stride", "apart"), [(4, None, 1), (8, None, 2), (4, 3, 3), (2, 3, 2), (1, None, 1)])
def test_places_of_the_map(model, patch, stride, apart):
    explorer = OcclusionExplorer(model, PICTURE, 2, patch=patch, stride=stride)
    explorer.wait()
    assert explorer._places_apart(patch) == apart
    np.testing.assert_allclose(explorer.map, occlusion(model, PICTURE, 2, patch, apart), rtol=1e-3, atol=1e-5)
    explorer.close()


def test_a_small_patch_on_a_large_photo_takes_no_thousand_places(network):
    explorer = OcclusionExplorer(network, photo("chelsea", 227), patch=32)
    assert explorer._places_apart(32) == 8
    assert explorer._places_apart(16) == 9
    assert explorer._places_apart(8) == 8
    assert len(explorer._classes) == 1000
    assert "Egyptian cat" in repr(explorer)
    explorer.close()


def test_the_map_grows(explorer, monkeypatch):
    monkeypatch.setattr("coursekit.widgets.occlusion_explorer._BETWEEN_FRAMES", 0)
    monkeypatch.setattr("coursekit.widgets.occlusion_explorer._REST", 0)
    explorer.target = 3
    explorer.wait()
    shares = [content["map"]["share"] for content, _ in told(explorer, "map") if content["map"]]
    assert shares == sorted(shares)
    assert len(set(shares)) > 5
    assert shares[-1] == 1
    assert told(explorer, "map")[-1][0]["running"] is False


def test_the_map_waits_while_the_patch_is_moved(explorer, monkeypatch):
    steps, moved = [], threading.Event()

    def counted(*args, **how):
        found = growing_occlusion(*args, **how)

        def each():
            for done in found.steps:
                steps.append(done)
                assert moved.wait(60)
                yield done

        return found._replace(steps=each())

    monkeypatch.setattr("coursekit.widgets.occlusion_explorer.growing_occlusion", counted)
    monkeypatch.setattr("coursekit.widgets.occlusion_explorer._REST", 60)
    explorer.target = 3
    until(lambda: steps)
    explorer.position = (0, 0)
    moved.set()
    time.sleep(0.3)
    assert len(steps) == 1
    assert explorer._running
    explorer._moved = -np.inf
    explorer.wait()
    assert steps[-1] == 9 * 7  # places of a patch of 4 on 12 x 10


def test_a_new_choice_cancels(explorer, monkeypatch):
    asked, go_on = threading.Event(), threading.Event()

    def slowly(*args, **how):
        asked.set()
        assert go_on.wait(60)
        return growing_occlusion(*args, **how)

    monkeypatch.setattr("coursekit.widgets.occlusion_explorer.growing_occlusion", slowly)
    explorer.target = 3
    assert asked.wait(60)
    explorer.target = 0
    assert explorer.map is None
    go_on.set()
    explorer.wait()
    said = {content["map"]["said"][:24] for content, _ in told(explorer, "map") if content["map"]}
    assert said == {"Occlusion map of class 0"}


def test_what_was_there_before_is_not_computed_again(explorer, monkeypatch):
    before = explorer.map
    explorer.baseline = "black"
    explorer.wait()
    assert not np.array_equal(explorer.map, before)
    monkeypatch.setattr("coursekit.widgets.occlusion_explorer.growing_occlusion", None)
    explorer.baseline = "mean"
    explorer.wait()
    assert explorer.map is before


def test_moving_the_patch_begins_no_map(explorer):
    thread = explorer._thread
    explorer.position = (0, 0)
    assert explorer._thread is thread
    explorer.close()
    explorer.target = 3
    assert explorer._thread is thread


# ---- where there is no kernel


def test_still(explorer):
    still = explorer._still()
    alt = re.search(r'alt="([^"]+)"', still)[1]
    assert alt.startswith("A photo under a patch 4 x 4, mean, at row 3, column 5: the score of class 2 is ")
    assert "red where the score drops: values " in alt
    whole, now = explorer._whole[2], explorer.scores[2]
    said = re.search(r"is (\S+) in place of (\S+)\.", alt.replace("−", "-"))
    assert [float(one) for one in said.groups()] == pytest.approx([now, whole], rel=0.01)
    assert repr(explorer).replace("−", "-").startswith(f"OcclusionExplorer: class 2 {whole:.3g}, covered {now:.3g}")
    assert repr(explorer).endswith("at row 3, column 5")


def test_still_waits_only_until_every_pixel_was_covered(model, monkeypatch):
    monkeypatch.setattr("coursekit.widgets.occlusion_explorer._BETWEEN_FRAMES", 0)
    go_on = threading.Event()

    def halts(*args, **how):
        found = growing_occlusion(*args, **how)

        def steps():
            for done in found.steps:
                yield done
                if found.times.all() and done != found.total:
                    assert go_on.wait(60)

        return found._replace(steps=steps())

    monkeypatch.setattr("coursekit.widgets.occlusion_explorer.growing_occlusion", halts)
    explorer = OcclusionExplorer(model, PICTURE, 2, patch=4)
    assert "<img" in explorer._still()
    assert explorer._running
    go_on.set()
    explorer.wait()
    explorer.close()


# ---- other networks


def test_a_network_that_gives_scores():
    explorer = OcclusionExplorer(build(layers.Flatten(), layers.Dense(3, name="scores")), PICTURE)
    explorer.wait()
    assert explorer._squashed is False
    assert len(explorer._top) == 3
    explorer.close()


def test_no_numbers():
    explorer = OcclusionExplorer(roots_of_negatives(), PICTURE, 1, patch=4)
    explorer.wait()
    sent = []
    explorer.send = lambda content, buffers=(): sent.append(content)
    explorer._receive()
    assert all(one["score"] is None for one in sent[0]["rows"])
    assert sent[1]["map"]["range"].startswith("NaN at")
    assert np.isfinite(sent[1]["map"]["limit"])
    assert "NaN" in explorer._still()
    explorer.close()


def test_whole_numbers():
    x = keras.Input((12, 10, 3), dtype="uint8")
    network = keras.Model(x, layers.Dense(3)(layers.Flatten()(layers.Rescaling(1 / 255)(x))))
    explorer = OcclusionExplorer(network, PICTURE, 1, patch=4, baseline="mean")
    np.testing.assert_array_equal(explorer.covered[4, 4], np.rint(PICTURE.mean((0, 1))))
    explorer.close()


# ---- what is refused


@pytest.mark.parametrize(
    ("make", "error", "says"),
    [
        (lambda m: OcclusionExplorer("squeezenet", PICTURE), TypeError, "Expected a Keras model, not str"),
        (lambda m: OcclusionExplorer(two_inputs(), PICTURE), ValueError, "networks that take one picture"),
        (lambda m: OcclusionExplorer(build(), PICTURE), ValueError, "Class scores are for networks with one output"),
        (lambda m: OcclusionExplorer(m, PICTURE, 8), ValueError, "There is no class 8: there are 8"),
        (lambda m: OcclusionExplorer(m, PICTURE, patch=11), ValueError, "patch must be from 1 to 10, not 11"),
        (lambda m: OcclusionExplorer(m, PICTURE, patch=0), ValueError, "patch must be from 1 to 10, not 0"),
        (lambda m: OcclusionExplorer(m, PICTURE, patch=2.5), TypeError, "patch must be a whole number"),
        (lambda m: OcclusionExplorer(m, PICTURE, stride=0), ValueError, "stride must be at least 1"),
        (lambda m: OcclusionExplorer(m, PICTURE, baseline="gray"), ValueError, "Did you mean 'grey'"),
        (lambda m: OcclusionExplorer(m, PICTURE, baseline=""), ValueError, "There is no baseline ''"),
        (lambda m: OcclusionExplorer(m, PICTURE, patch=4, position=(9, 0)), ValueError, "There is no row 9"),
        (lambda m: OcclusionExplorer(m, PICTURE, patch=4, position=(0, 7)), ValueError, "There is no column 7"),
        (lambda m: OcclusionExplorer(m, PICTURE, position=3), ValueError, "position must be (row, column), not 3"),
        (lambda m: OcclusionExplorer(m, PICTURE * np.nan), ValueError, "NaN or infinity"),
        (lambda m: OcclusionExplorer(m, PICTURE[np.newaxis].repeat(2, 0)), ValueError, "image must be one picture"),
    ],
)
def test_refused_at_construction(model, make, error, says):
    with pytest.raises(error, match=re.escape(says)):
        make(model)


@pytest.mark.parametrize(
    ("name", "value"), [("target", 9), ("patch", 11), ("baseline", "red"), ("position", (9, 0)), ("position", [1])]
)
def test_what_is_refused_changes_nothing(explorer, name, value):
    check_refused_and_nothing_changed(explorer, name, value)


def test_an_error_of_the_thread_is_told(explorer, monkeypatch):
    check_error_of_the_thread_is_told(explorer, monkeypatch, "growing_occlusion")
