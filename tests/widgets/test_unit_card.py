"""What UnitCard holds, takes and refuses. How it looks and answers in the page is tested in tests/browser."""

import functools
import io
import json
import re
import threading

import nbformat
import numpy as np
import pytest
from nbconvert import HTMLExporter
from PIL import Image
from scipy.ndimage import binary_erosion

from coursekit import activation_mask, activations, photos, progress, receptive_field, resize, top_patches
from coursekit.networks.backend import keras
from coursekit.widgets import UnitCard
from tests.widgets.sample import two_inputs, until

layers = keras.layers


@pytest.fixture(scope="module")
def images():
    return photos(227)[0]


@pytest.fixture(scope="module")
def shown(network, images):
    """A card that no test changes."""
    return UnitCard(network, "fire6-squeeze1x1", 13, images[:12], images[12:], k=5)


@pytest.fixture(scope="module")
def small():
    """A network whose answers are known: red minus green, blue, and nothing."""
    kernel = np.zeros((3, 3, 3, 3), np.float32)
    kernel[1, 1, :2, 0], kernel[1, 1, 2, 1] = (1, -1), 1
    network = keras.Sequential([keras.Input((16, 20, 3)), layers.Conv2D(3, 3, name="conv"), layers.ReLU(name="relu")])
    network.get_layer("conv").set_weights([kernel, np.zeros(3)])
    return network


def plain(*colours):
    return np.stack([np.full((16, 20, 3), colour, np.uint8) for colour in colours])


@pytest.fixture
def card(small):
    """Held-out pictures that are redder from one to the next: answers 0, 10, 20, ... 70."""
    held_out = plain(*[(100 + 10 * i, 100, i) for i in range(8)])
    return UnitCard(small, "relu", 0, plain((250, 50, 9), (200, 50, 90), (150, 50, 120)), held_out, steps=3)


@pytest.fixture(autouse=True)
def forgetful(monkeypatch):
    """Each test begins with cards of which nothing is on record."""
    monkeypatch.delenv(progress.FILE_VARIABLE, raising=False)
    monkeypatch.setattr(progress, "_memory", [])


def decoded(content):
    return np.asarray(Image.open(io.BytesIO(content)).convert("RGB")).astype(int)


# ---- what is on the card


def test_patches_are_those_of_top_patches(shown, network, images):
    expected = top_patches(network, "fire6-squeeze1x1", images[:12], 5, channels=13)
    found = shown.patches
    for name in ("channels", "values", "pictures", "positions", "boxes", "sizes"):
        np.testing.assert_array_equal(getattr(found, name), getattr(expected, name))
    for crop, other in zip(found.crops[0], expected.crops[0], strict=True):
        np.testing.assert_array_equal(crop, other)
    first = shown._unit["patches"][0]
    assert (first["picture"], first["box"]) == (int(expected.pictures[0, 0]), expected.boxes[0, 0].tolist())
    assert first["value"] == pytest.approx(float(expected.values[0, 0]))
    assert shown._unit["largest"] == [79, 79]
    assert abs(decoded(first["image"]) - expected.crops[0][0]).mean() < 5  # JPEG


def test_masks_are_the_most_active_places(shown, network, images):
    photos = images[shown.patches.pictures[0]]
    maps = activations(network, photos, "fire6-squeeze1x1")
    field = receptive_field(network, "fire6-squeeze1x1")
    expected = activation_mask(maps, 227, 0.95, 13, field=field)
    np.testing.assert_array_equal(shown.masks, expected)
    assert 0.01 < expected.mean() < 0.1
    for photo, mask, told in zip(photos, expected, shown._unit["photos"], strict=True):
        assert told["share"] == mask.mean()
        assert abs(decoded(told["image"])[~mask] - 0.4 * photo[~mask]).mean() < 6  # JPEG


def test_masks_in_light_with_an_outline(small):
    pictures = resize(np.random.default_rng(0).integers(0, 256, (2, 4, 5, 3)).astype(np.uint8), (16, 20))
    card = UnitCard(small, "relu", 1, pictures, quantile=0.7)
    for mask, told in zip(card.masks, card._unit["photos"], strict=True):
        inside = binary_erosion(mask, border_value=1)
        expected = np.rint(pictures[told["picture"]] * np.where(mask, 1, 0.4)[..., np.newaxis])
        expected[mask & ~inside] = (0xE6, 0x9F, 0x00)
        np.testing.assert_array_equal(decoded(told["image"]), expected)
        assert inside.any()
        assert not mask.all()


def test_kernel_of_the_first_layer_only(small, network, images, shown):
    card = UnitCard(small, "conv", 0, plain((250, 50, 9)))
    kernel = decoded(card._unit["kernel"])
    assert kernel.shape == (3, 3, 3)
    assert kernel[1, 1].tolist() == [255, 0, 128]  # red for, green against, blue does not count
    assert np.delete(kernel.reshape(9, 3), 4, axis=0).tolist() == [[128] * 3] * 8
    assert shown._unit["kernel"] is None
    assert UnitCard(small, "relu", 0, plain((250, 50, 9)))._unit["kernel"] is None


def test_answers_are_the_largest_activations(card):
    np.testing.assert_allclose(card.answers, np.arange(0, 80, 10))
    card.channel = 1
    np.testing.assert_allclose(card.answers, np.arange(8))


def test_channel_moves_the_card(card):
    card.set_state({"channel": 1})  # as the page does
    assert card._unit["channel"] == 1
    assert [patch["picture"] for patch in card._unit["patches"]] == [2, 1, 0]  # the bluest first
    assert [patch["value"] for patch in card._unit["patches"]] == [120, 90, 9]
    card.channel = np.int64(2)
    assert type(card.channel) is int
    assert [patch["value"] for patch in card._unit["patches"]] == [0, 0, 0]
    assert not card.masks.any()


def test_layer_without_positions(network, images):
    card = UnitCard(network, "prob", 951, images[:4], k=2)
    assert card.masks is None
    assert card._unit["photos"] == []
    assert card._unit["largest"] == [227, 227]
    assert card.answers is None
    assert card.score is None
    assert "<img" in card._repr_mimebundle_()[0]["text/html"]


def test_pictures_of_another_size_are_fitted(network):
    pictures = np.random.default_rng(0).integers(0, 256, (2, 100, 120, 3)).astype(np.uint8)
    card = UnitCard(network, "conv1", 3, pictures[:1], pictures[1:])
    assert card.masks.shape == (1, 227, 227)
    assert card._others.shape == (1, 227, 227, 3)


def test_grey_pictures():
    network = keras.Sequential([keras.Input((28, 28, 1)), layers.Conv2D(2, 3, name="conv")])
    card = UnitCard(network, "conv", 0, np.random.default_rng(0).integers(0, 256, (3, 28, 28, 1)))
    assert decoded(card._unit["photos"][0]["image"]).shape == (28, 28, 3)
    assert "<img" in card._repr_mimebundle_()[0]["text/html"]


# ---- the name and its test


def test_name_and_says(card):
    card.name = " red "
    card.says = {1: False, np.int64(6): True}
    assert (card.name, card.says, card.names) == ("red", {1: False, 6: True}, {0: "red"})
    assert card.score.auc == 1
    assert (card.score.yes, card.score.no, card.score.mean_yes, card.score.mean_no) == (1, 1, 60, 10)
    assert card.score.few


def test_each_channel_has_its_own(card):
    card.name = "red"
    card.says = {0: True}
    card.channel = 1
    assert (card.name, card.says) == ("", {})
    card.name = "blue"
    card.channel = 0
    assert (card.name, card.says, card.names) == ("red", {0: True}, {0: "red", 1: "blue"})


def test_a_new_name_is_a_new_test(card):
    card.name = "red"
    card.says = dict.fromkeys(range(8), True)
    card.name = "red"
    assert len(card.says) == 8
    card.name = "warm"
    assert card.says == {}
    assert card._report == {}


def test_the_page_learns_no_answer_before_the_end(card):
    card.name = "red"
    card.says = {i: i > 3 for i in range(7)}
    assert card._report == {}
    state = repr({name: value for name, value in card.get_state().items() if name not in ("_esm", "_css")})
    assert "70.0" not in state  # the answer to the last one
    assert "70" not in repr(card)
    card.says = {i: i > 3 for i in range(8)}
    assert card._report["answers"] == [70, 60, 50, 40, 30, 20, 10, 0]
    assert card._report["order"] == [7, 6, 5, 4, 3, 2, 1, 0]
    assert card._report["says"] == [True] * 4 + [False] * 4
    assert card._report["text"] == str(card.score)
    assert card._report["text"].startswith(
        "100% of all pairs are ordered right; chance gives 50%. The mean answer is 55 "
    )
    assert "70 ways" not in repr(card)
    assert "in 1.4% of cases" in repr(card)  # one of the 70 ways to choose four of eight


def test_the_order_is_random_and_repeats(small):
    held_out = plain(*[(i, 0, 0) for i in range(30)])
    orders = [
        UnitCard(small, "relu", 0, plain((250, 50, 9)), held_out, seed=seed)._held_out["order"] for seed in (0, 0, 1)
    ]
    assert sorted(orders[0]) == list(range(30))
    assert orders[0] == orders[1] != orders[2]
    assert orders[0] != sorted(orders[0])


def said_by_the_page(card, **changes):
    """Write as the page does."""
    card.set_state({"_notes": {**card._notes, str(card.channel): {**card._note, **changes}}})


def test_page_says_one_after_another(card):
    said_by_the_page(card, name="red")
    for i in card._held_out["order"]:
        assert card._report == {}
        said_by_the_page(card, says={**card._note["says"], str(i): i in (7, 5, 2)})
    assert card._report["channel"] == 0
    assert card.score.auc == pytest.approx((5 + 4 + 2) / 15)
    assert card._note == {"name": "red", "says": card._note["says"], "done": True}


def test_scored_before_the_end(card):
    said_by_the_page(card, name="red", says={"7": True, "1": False})
    said_by_the_page(card, done=True)
    assert card._report["order"] == [7, 1]
    assert card._report["text"].endswith("That is too few pictures to tell: it takes 3 of each at least.")
    said_by_the_page(card, says={}, done=False)
    said_by_the_page(card, says={"7": True, "6": True})
    said_by_the_page(card, done=True)
    text = card._report["text"]
    assert text.startswith("All 2 answers are yes: a score compares pictures with it and pictures without.")
    assert text.endswith("The answers had been shown before this test: a name that was made to fit them proves little.")


def test_what_the_page_says_in_one_go_is_kept(card):
    said_by_the_page(card, name="red", says={"3": True})  # while Python was busy, several messages became one
    assert (card.name, card.says) == ("red", {3: True})


# ---- the drawing


def told(card):
    """Collect what the page is told."""
    messages = []
    card.send = lambda content, buffers=(): messages.append((content, len(buffers)))
    return messages


def test_draws_once_a_page_looks(card):
    messages = told(card)
    assert card.drawing is None
    card._handle_custom_msg({"kind": "look"}, [])
    assert messages[0] == ({"channel": 0, "step": 0, "steps": 3, "error": ""}, 0)
    card.wait(60)
    assert card.drawing.shape == (16, 20, 3)
    assert messages[-1] == ({"channel": 0, "step": 3, "steps": 3, "error": ""}, 1)
    # Red for, green against: that is what it must have drawn.
    red, green, _ = card.drawing.mean((0, 1))
    assert red > green
    first = card.drawing
    card._handle_custom_msg({"kind": "look"}, [])  # another view
    assert card.drawing is first


def test_a_new_channel_is_drawn_and_the_old_one_cancelled(card):
    card._steps = 100_000
    card._handle_custom_msg({"kind": "look"}, [])
    until(lambda: card.drawing is not None)
    with card._lock:  # the old run reports nothing in between
        old, messages = card._thread, told(card)
        card.channel = 1
    until(lambda: card.drawing is not None)
    assert not old.is_alive()
    assert {content["channel"] for content, _ in messages} == {1}
    card.close()
    card._thread.join(60)
    assert not card._thread.is_alive()


def test_walking_through_channels_draws_the_last(card):
    card._handle_custom_msg({"kind": "look"}, [])
    for channel in (1, 2, 0, 2, 1):
        card.channel = channel
    card.wait(60)
    assert list(card._drawn) == [("relu", 1)]
    until(lambda: sum(thread.name == "UnitCard" for thread in threading.enumerate()) == 0)


def test_without_a_page_nothing_is_drawn(card):
    card.channel = 1
    card._repr_mimebundle_()
    assert card._thread is None


def test_drawing_that_is_given(small):
    given = np.random.default_rng(0).random((16, 20, 3)) * 255
    card = UnitCard(small, "relu", 1, plain((250, 50, 9)), drawing=given)
    messages = told(card)
    card._handle_custom_msg({"kind": "look"}, [])
    assert card._thread is None
    assert messages == [({"channel": 1, "step": 256, "steps": 256, "error": ""}, 1)]
    np.testing.assert_allclose(card.drawing, given, rtol=1e-6)
    card.channel = 0
    assert card.drawing is None


def test_what_cannot_be_drawn_is_told():
    inputs = keras.Input((8, 8, 3))
    network = keras.Model(inputs, layers.Lambda(keras.ops.round, output_shape=(8, 8, 3), name="round")(inputs))
    card = UnitCard(network, "round", 0, np.ones((2, 8, 8, 3)))
    messages = told(card)
    card.draw()
    with pytest.raises(RuntimeError, match="It could not be drawn"):
        card.wait(60)
    assert "could not be drawn" in messages[-1][0]["error"]


# ---- without a kernel


def test_still_picture_with_all_parts(network, images):
    drawing = np.full((64, 64, 3), 90.0)
    card = UnitCard(network, "conv1", 21, images[:6], images[6:16], drawing=drawing, k=4)
    card.name = "<lips>"
    card.says = {i: i % 2 == 0 for i in range(10)}
    bundle, metadata = card._repr_mimebundle_()
    assert "application/vnd.jupyter.widget-view+json" in bundle
    alts = re.findall(r'<img alt="([^"]+)" src="data:image/', bundle["text/html"])
    assert alts[0] == "conv1, channel 21: kernel and what the network draws for it."
    assert "the 4 strongest patches of 1 channel among 6 pictures" in alts[1]
    assert "in light where the channel is most active" in alts[2]
    assert re.search(r"active: \d+\.\d% of picture \d+, ", alts[2])
    assert "with what was said" in alts[3]
    assert "&lt;lips&gt;" in bundle["text/html"]
    assert "of all pairs are ordered right; chance gives 50%" in bundle["text/html"]
    assert bundle["text/plain"].startswith("UnitCard: conv1, channel 21, named '<lips>', strongest answer ")
    output = nbformat.v4.new_output("display_data", data=bundle, metadata=metadata)
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell("card", outputs=[output])])
    page, _ = HTMLExporter().from_notebook_node(notebook)
    assert page.count('<img alt="conv1, channel 21') == 3


def test_still_picture_without_a_drawing_or_a_name(shown):
    html = shown._repr_mimebundle_()[0]["text/html"]
    alts = re.findall(r'<img alt="([^"]+)"', html)
    assert len(alts) == 2
    assert "Name:" not in html


# ---- what is refused


PICTURES = plain((250, 50, 9), (0, 0, 0))


@pytest.mark.parametrize(
    ("make", "error", "says"),
    [
        (lambda n: UnitCard("small", "relu", 0, PICTURES), TypeError, "Expected a Keras model, not str"),
        (lambda n: UnitCard(n, "relus", 0, PICTURES), ValueError, "Did you mean 'relu'"),
        (lambda n: UnitCard(n, "relu", 3, PICTURES), ValueError, "There is no channel of 'relu' 3: there are 3"),
        (lambda n: UnitCard(n, "relu", "0", PICTURES), TypeError, "must be a whole number"),
        (lambda n: UnitCard(n, "relu", 0, PICTURES[0]), ValueError, "pictures must be several"),
        (lambda n: UnitCard(n, "relu", 0, PICTURES[:0]), ValueError, "pictures is empty"),
        (lambda n: UnitCard(n, "relu", 0, PICTURES, PICTURES[0]), ValueError, "held_out must be several"),
        (
            lambda n: UnitCard(n, "relu", 0, PICTURES, PICTURES[::-1]),
            ValueError,
            "held_out[0] is the same picture as pictures[1]",
        ),
        (lambda n: UnitCard(n, "relu", 0, PICTURES, drawing="eyes"), TypeError, "drawing must be an array"),
        (lambda n: UnitCard(n, "relu", 0, PICTURES, k=0), ValueError, "k must be at least 1"),
        (lambda n: UnitCard(n, "relu", 0, PICTURES, quantile=2), ValueError, "quantile must be from 0 to 1"),
        (
            lambda n: UnitCard(two_inputs(), "add", 0, np.ones((2, 8, 8, 3))),
            ValueError,
            "networks that take one picture",
        ),
    ],
)
def test_refused_at_construction(small, make, error, says):
    with pytest.raises(error, match=re.escape(says)):
        make(small)


@pytest.mark.parametrize(
    ("name", "value", "error", "says"),
    [
        ("channel", 3, ValueError, "There is no channel of 'relu' 3"),
        ("name", 3, TypeError, "A name is text"),
        ("says", [True], TypeError, "a dict such as {0: True, 5: False}, not list"),
        ("says", {8: True}, ValueError, "There is no held-out picture 8: there are 8"),
        ("says", {0: "yes"}, TypeError, "True or False, not 'yes'"),
    ],
)
def test_refused_later_and_nothing_changed(card, name, value, error, says):
    before = card.get_state()
    with pytest.raises(error, match=re.escape(says)):
        setattr(card, name, value)
    assert card.get_state() == before


def test_nothing_to_say_without_held_out_pictures(small):
    with pytest.raises(ValueError, match="no held-out pictures"):
        UnitCard(small, "relu", 0, PICTURES).says = {0: True}


# ---- made again


def made_again(network, held_out, layer="relu"):
    return UnitCard(network, layer, 0, plain((250, 50, 9), (200, 50, 90)), held_out, steps=3)


def test_a_card_made_again_has_its_names_and_scores(small):
    make = functools.partial(made_again, small)
    held_out = plain(*[(100 + 10 * i, 100, i) for i in range(8)])
    before = make(held_out)
    before.name = "red"
    before.says = {i: i > 3 for i in range(8)}
    again = make(held_out.copy())
    assert (again.name, again.says) == ("red", before.says)
    assert again._report == before._report
    assert "100 of 100" in again._report["text"] or again._report["text"] == str(before.score)
    again.says = {i: i > 4 for i in range(8)}
    assert "had been shown before this test" in make(held_out)._report["text"]
    # Other held-out pictures, or another layer, are another test.
    assert make(held_out[:7]).name == ""
    assert make(held_out, "conv").name == ""


def test_names_are_there_on_the_next_day(small, tmp_path, monkeypatch):
    """They stand in the learner's file, not in Python's memory: line by line, the last one of a channel counts."""
    monkeypatch.setenv(progress.FILE_VARIABLE, str(tmp_path / "progress.jsonl"))
    held_out = plain(*[(100 + 10 * i, 100, i) for i in range(8)])
    before = made_again(small, held_out)
    before.name = "blue"
    before.name = "red"
    before.says = {i: i > 3 for i in range(8)}
    before.channel = 1
    before.name = "green"
    progress._memory.clear()
    again = made_again(small, held_out)
    assert again.names == {0: "red", 1: "green"}
    assert again.says == {i: i > 3 for i in range(8)}
    lines = (tmp_path / "progress.jsonl").read_text().splitlines()
    assert [json.loads(line)["note"]["name"] for line in lines] == ["blue", "red", "red", "green"]
    made_again(small, held_out)
    assert (tmp_path / "progress.jsonl").read_text().splitlines() == lines  # looking adds nothing


@pytest.mark.parametrize(
    "note",
    [
        None,
        {"name": 7, "says": {}, "done": False},
        {"name": "red", "says": {"8": True}, "done": False},
        {"name": "red", "says": {"0": "yes"}, "done": False},
        {"name": "red", "says": {}},
    ],
)
def test_a_damaged_line_is_passed_over(note, small):
    held_out = plain(*[(100 + 10 * i, 100, i) for i in range(8)])
    progress.record("named", made_again(small, held_out)._card, channel="0", note=note, tests=1)
    assert made_again(small, held_out).names == {}
