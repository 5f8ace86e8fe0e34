"""NetworkExplorer: what it holds, computes, tells the page and refuses. How it looks in the page: tests/browser."""

import io
import json
import re

import numpy as np
import pytest
from PIL import Image

from coursekit import (
    NetworkExplorer,
    UnitCard,
    activations,
    channel,
    channels_at,
    maximize,
    photo,
    photos,
    receptive_field,
    top_patches,
)
from coursekit.networks import graph
from coursekit.networks.backend import keras
from coursekit.techniques.painting import Stroke, moved_away, stroke_mask
from tests.widgets.sample import check_refused_and_nothing_changed, roots_of_negatives, two_inputs, until

layers = keras.layers
PICTURE = np.random.default_rng(0).integers(0, 256, (24, 20, 3)).astype(np.uint8)


@pytest.fixture(scope="module")
def model():
    keras.utils.set_random_seed(1)
    body = [layers.Rescaling(1 / 127.5, -1, name="scale"), layers.Conv2D(6, 3, name="conv"), layers.ReLU(name="relu")]
    ends = [layers.MaxPooling2D(name="pool"), layers.Conv2D(4, 3, name="deep"), layers.Flatten(name="flat")]
    return keras.Sequential(
        [keras.Input((24, 20, 3), name="picture"), *body, *ends, layers.Dense(8, activation="softmax", name="prob")]
    )


@pytest.fixture
def explorer(model):
    explorer = NetworkExplorer(model, PICTURE)
    explorer.told = []
    explorer.send = lambda content, buffers=(): explorer.told.append((content, buffers))
    yield explorer
    explorer.close()


def ask(explorer, **content):
    explorer._receive(None, content, [])


def told(explorer, part):
    """Return what the page was told last of a part, and its bytes."""
    content, buffers = next((c, b) for c, b in reversed(explorer.told) if part in c)
    return content[part], dict(zip(content["buffers"], buffers, strict=True)).get(part)


def grey(values, first):
    """Return values as grey levels on the scale that a channel has for the clean photo."""
    low, high = min(first.min(), 0), first.max()
    return np.clip((values - low) / (high - low) * 255 + 0.5, 0, 255).astype(np.uint8)


# ---- what there is at first


def test_it_begins_with_the_first_convolution_and_its_strongest_channel(explorer, model):
    maps = activations(model, PICTURE)
    assert explorer.layer == "relu"
    assert explorer.channel == maps["relu"].max((0, 1)).argmax()
    assert [box["layers"][-1][0] for box in explorer._map["boxes"]] == [
        *("picture", "scale", "relu", "pool", "deep", "flat", "prob")
    ]
    assert explorer._map["boxes"][2]["shown"] == 1
    assert explorer._map["boxes"][-1]["shown"] is None
    np.testing.assert_array_equal(explorer.image, PICTURE)
    np.testing.assert_allclose(explorer.outputs, model(PICTURE[np.newaxis].astype(np.float32))[0], rtol=1e-5)


def test_layer_and_channel_can_be_given(model):
    explorer = NetworkExplorer(model, PICTURE, "deep", 3, scale="shared")
    assert (explorer.layer, explorer.channel, explorer.scale) == ("deep", 3, "shared")
    explorer.close()


def test_thumbnails_of_the_boxes_asked_for(explorer, model):
    ask(explorer, kind="look", boxes=[2, 4, 6], side=10, all=False)
    content, buffers = explorer.told[-1]
    assert list(content) == ["kind", "thumbnails", "buffers"]
    shown, pixels = told(explorer, "thumbnails")
    maps = activations(model, PICTURE)
    relu, deep = (int(maps[name].max((0, 1)).argmax()) for name in ("relu", "deep"))
    assert shown == [[2, relu, 10, 8, False], [4, deep, 9, 7, False]]
    assert len(buffers) == 1
    assert len(pixels) == 10 * 8 + 9 * 7
    last = maps["deep"][..., deep]
    np.testing.assert_array_equal(np.frombuffer(pixels[80:], np.uint8).reshape(9, 7), grey(last, last))


# ---- paint


def test_what_is_painted_and_what_the_network_makes_of_it(explorer, model):
    ask(explorer, kind="look", boxes=[4], side=64, all=True)
    explorer.layer, explorer.channel = "deep", 2
    explorer.paint("grey", 8, [(6, 6), (6, 12)])
    expected = PICTURE.astype(np.float32)
    expected[stroke_mask(Stroke("grey", 8, ((6, 6), (6, 12))), PICTURE.shape)] = 127.5
    np.testing.assert_array_equal(explorer.image, expected)
    outputs = model(expected[np.newaxis]).numpy()[0]
    np.testing.assert_allclose(explorer.outputs, outputs, rtol=1e-5)
    photo, pixels = told(explorer, "photo")
    assert photo == {"shape": (24, 20), "strokes": 1, "first": True}
    np.testing.assert_array_equal(np.frombuffer(pixels, np.uint8).reshape(24, 20, 3), np.rint(expected))
    rows, _ = told(explorer, "scores")
    before = model(PICTURE[np.newaxis].astype(np.float32)).numpy()[0]
    assert [row[0] for row in rows][:5] == np.argsort(-before)[:5].tolist()
    assert outputs.argmax() in [row[0] for row in rows]
    for index, clean, now in rows:
        assert (clean, now) == pytest.approx((before[index], outputs[index]), rel=1e-5)
    clean, now = (activations(model, picture, "deep") for picture in (PICTURE, expected))
    strongest = int(clean.max((0, 1)).argmax())
    _, pixels = told(explorer, "thumbnails")
    shown = np.frombuffer(pixels, np.uint8).reshape(9, 7)
    np.testing.assert_array_equal(shown, grey(now[..., strongest], clean[..., strongest]))
    channel, values = told(explorer, "channel")
    assert (channel["layer"], channel["channel"], channel["shape"]) == ("deep", 2, (9, 7))
    np.testing.assert_allclose(np.frombuffer(values, np.float32).reshape(9, 7), now[..., 2], rtol=1e-5)
    layer, levels = told(explorer, "layer")
    assert layer == {"name": "deep", "count": 4, "height": 9, "width": 7}
    for c, level in enumerate(np.frombuffer(levels, np.uint8).reshape(4, 9, 7)):
        np.testing.assert_array_equal(level, grey(now[..., c], clean[..., c]))


def test_a_stroke_that_comes_in_parts_is_one(explorer):
    common = {"kind": "paint", "tool": "grey", "size": 5}
    ask(explorer, **common, points=[[3, 3]], begins=True)
    ask(explorer, **common, points=[[3, 9], [12, 9]], begins=False)
    ask(explorer, **common, points=[[20, 2]], begins=True)
    assert explorer.strokes == [("grey", 5, ((3, 3), (3, 9), (12, 9))), ("grey", 5, ((20, 2),))]
    painted = explorer.image.copy()
    explorer.strokes = explorer.strokes
    np.testing.assert_array_equal(explorer.image, painted)


def test_undo_and_the_clean_photo(explorer):
    explorer.paint("grey", 8, [(6, 6)])
    once = explorer.image.copy()
    explorer.paint("blur", 9, [(15, 9)])
    assert not np.array_equal(explorer.image, once)
    ask(explorer, kind="undo")
    np.testing.assert_array_equal(explorer.image, once)
    explorer.paint("eraser", 20, [(6, 6)])
    np.testing.assert_array_equal(explorer.image, PICTURE)
    ask(explorer, kind="clear")
    assert explorer.strokes == []
    explorer.undo()
    np.testing.assert_array_equal(explorer.image, PICTURE)


def test_the_same_stroke_elsewhere(explorer, model):
    explorer.paint("grey", 6, [(5, 5)])
    explorer.elsewhere = True
    moved = moved_away(explorer.strokes[0], PICTURE.shape)
    mask = stroke_mask(moved, PICTURE.shape)
    np.testing.assert_array_equal((explorer.image != PICTURE).any(2), mask)
    np.testing.assert_allclose(explorer.outputs, model(explorer.image[np.newaxis])[0], rtol=1e-5)
    explorer.elsewhere = False
    np.testing.assert_array_equal((explorer.image != PICTURE).any(2), stroke_mask(explorer.strokes[0], PICTURE.shape))
    explorer.elsewhere = True
    explorer.paint("grey", 3, [(12, 12)])  # the stroke before stays where it was seen
    assert explorer.elsewhere is False
    assert explorer.strokes[0] == moved


def test_another_photo_begins_without_strokes_and_control(explorer):
    explorer.paint("grey", 6, [(5, 5)])
    explorer.elsewhere = True
    explorer.image = PICTURE[::-1]
    assert (explorer.strokes, explorer.elsewhere) == ([], False)
    np.testing.assert_array_equal(explorer.image, PICTURE[::-1])


def test_a_clone_copies_another_place_and_goes_on(explorer):
    common = {"kind": "paint", "tool": "clone", "size": 1, "source": [3, 4]}
    ask(explorer, **common, points=[[12, 5]], begins=True)
    ask(explorer, **common, points=[[12, 7]], begins=False)
    assert explorer.strokes == [("clone", 1, ((12, 5), (12, 7)), (3, 4))]
    expected = PICTURE.astype(np.float32)
    expected[12, 5:8] = expected[3, 4:7]
    np.testing.assert_array_equal(explorer.image, expected)
    text = explorer.state
    ask(explorer, kind="undo")
    np.testing.assert_array_equal(explorer.image, PICTURE)
    explorer.state = text
    np.testing.assert_array_equal(explorer.image, expected)
    explorer.elsewhere = True
    assert not np.array_equal(explorer.image[0:3], PICTURE[0:3])
    np.testing.assert_array_equal(explorer.image[12], PICTURE[12])
    ask(explorer, kind="paint", tool="clone", size=1, points=[[1, 1]], begins=True)
    assert "needs a source" in explorer.told[-1][0]["text"]


def test_the_first_picture_is_computed_at_once_and_the_next_ones_alike(model, monkeypatch):
    made = []
    traced = graph.traced
    monkeypatch.setattr(graph, "traced", lambda *what: made.append(what) or traced(*what))
    network = keras.models.clone_model(model)
    network.set_weights(model.get_weights())
    explorer = NetworkExplorer(network, PICTURE)
    names = list(explorer._answers)
    first = {name: explorer._answers[name] for name in names}
    assert made == []
    ask(explorer, kind="prepare")
    assert len(made) == 1
    explorer.strokes = []
    assert len(made) == 1
    for name in names:
        np.testing.assert_allclose(explorer._answers[name], first[name], rtol=1e-4, atol=1e-4)
    explorer.close()


def test_a_thousand_strokes_leave_what_one_picture_takes(explorer):
    explorer.strokes = [("grey", 3, [(at % 24, at % 20)]) for at in range(1000)]
    assert explorer.image.nbytes == PICTURE.size * 4
    assert (explorer.image == 127.5).any()


# ---- what is chosen


def test_a_new_layer_brings_its_strongest_channel_and_what_its_units_see(explorer, model):
    explorer.place = (3, 4)
    explorer.layer = "deep"
    assert explorer.place is None
    assert explorer.channel == activations(model, PICTURE, "deep").max((0, 1)).argmax()
    content, boxes = told(explorer, "field")
    field = receptive_field(model, "deep")
    assert content == {"layer": "deep", "kind": field.kind}
    np.testing.assert_array_equal(np.frombuffer(boxes, "<u2").reshape(9, 7, 4), field.boxes())


def test_what_the_page_chose_too_late_is_put_right(explorer):
    explorer.set_state({"layer": "deep", "channel": 5, "place": [20, 3]})
    assert explorer.layer == "deep"
    assert explorer.channel < 4
    assert explorer.place is None
    explorer.set_state({"channel": 1, "place": [8, 6]})
    assert (explorer.channel, explorer.place) == (1, [8, 6])


def test_state_comes_back(explorer, model):
    explorer.layer, explorer.channel, explorer.place, explorer.scale = "deep", 1, (2, 3), "shared"
    explorer.paint("blur", 7, [(3, 3), (9, 12)])
    explorer.elsewhere = True
    text, image = explorer.state, explorer.image.copy()
    other = NetworkExplorer(model, PICTURE)
    other.state = text
    assert other.state == text
    assert (other.layer, other.channel, other.place, other.scale) == ("deep", 1, [2, 3], "shared")
    np.testing.assert_array_equal(other.image, image)
    other.close()
    ask(explorer, kind="state")
    assert explorer.told[-1][0] == {"kind": "state", "text": text}


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"layer": "depp"}, "Did you mean 'deep'"),
        ({"channel": 6}, "There is no channel 6"),
        ({"place": [30, 0]}, "There is no row 30"),
        ({"strokes": [["red", 3, [[1, 1]]]]}, "There is no tool 'red'"),
        ({"scale": "no"}, "no"),
    ],
)
def test_a_state_that_does_not_fit_changes_nothing(explorer, change, says):
    before = explorer.state
    ask(explorer, kind="set", text=json.dumps({**json.loads(before), **change}))
    assert explorer.told[-1][0]["kind"] == "refused"
    assert says in explorer.told[-1][0]["text"]
    assert explorer.state == before
    ask(explorer, kind="set", text="{}")
    assert "it has no 'layer'" in explorer.told[-1][0]["text"]


def test_another_photo_begins_anew(explorer, model):
    explorer.paint("grey", 6, [(5, 5)])
    other = 255 - PICTURE
    explorer.image = other
    assert explorer.strokes == []
    np.testing.assert_array_equal(explorer.first_image, other)
    np.testing.assert_allclose(explorer.outputs, model(other[np.newaxis].astype(np.float32))[0], rtol=1e-5)


# ---- what fires at a pixel


def test_channels_at_a_pixel_sorted(explorer, model):
    assert explorer.channels_here is None
    explorer.paint("grey", 8, [(6, 6)])
    explorer.point = (9, 12)
    unit, channels, values = channels_at(model, explorer.image, "relu", 9, 12)
    found, _ = told(explorer, "here")
    assert (found["layer"], found["point"], found["unit"], found["count"]) == ("relu", [9, 12], unit, 6)
    assert [c for c, _ in found["channels"]] == channels.tolist() == explorer.channels_here[1].tolist()
    np.testing.assert_allclose([value for _, value in found["channels"]], values, rtol=1e-5)
    assert found["above"] == (values > 0).sum()
    explorer.layer = "deep"  # the pixel stays, and another unit looks at it
    found, _ = told(explorer, "here")
    assert (found["unit"], found["count"]) == (channels_at(model, explorer.image, "deep", 9, 12)[0], 4)
    before = dict(found["channels"])
    explorer.paint("grey", 20, [(9, 12)])
    assert dict(told(explorer, "here")[0]["channels"]) != before
    text = explorer.state
    explorer.set_state({"point": None})
    assert told(explorer, "here")[0] == {}
    explorer.state = text
    assert explorer.point == [9, 12]
    explorer.state = json.dumps({name: value for name, value in json.loads(text).items() if name != "point"})
    assert explorer.point is None  # a text from before there were points


def test_a_smaller_photo_takes_away_what_is_outside_of_it():
    body = keras.Sequential([keras.Input((None, None, 3)), layers.Conv2D(2, 3, name="conv")])
    explorer = NetworkExplorer(body, PICTURE, point=(20, 3), place=(19, 2))
    explorer.image = PICTURE[:12]
    assert (explorer.point, explorer.place) == (None, None)
    explorer.point = (11, 3)
    explorer.set_state({"point": [12, 3]})  # chosen before the page knew of this photo
    assert explorer.point is None
    explorer.close()


def test_back_to_the_first_photo(explorer):
    file = io.BytesIO()
    Image.fromarray(255 - PICTURE).save(file, "PNG")
    explorer._receive(None, {"kind": "file", "name": "mine.png", "part": 0, "parts": 1}, [file.getvalue()])
    assert told(explorer, "photo")[0]["first"] is False
    np.testing.assert_array_equal(explorer.image, 255 - PICTURE)
    ask(explorer, kind="first")
    assert told(explorer, "photo")[0]["first"] is True
    np.testing.assert_array_equal(explorer.image, PICTURE)


# ---- what else is known of a channel


def test_its_strongest_patches_and_the_name_on_its_card(network):
    explorer = NetworkExplorer(network, photo("chelsea"), "fire6-squeeze1x1", 13)
    sent = []
    explorer.send = lambda content, buffers=(): sent.append((content, buffers))
    ask(explorer, kind="patches")
    content, images = sent[-1]
    photos_seen = photos(227)[0]
    found = top_patches(network, "fire6-squeeze1x1", photos_seen, 6, channels=13)
    assert (content["kind"], content["layer"], content["channel"]) == ("patches", "fire6-squeeze1x1", 13)
    assert [row["picture"] for row in content["patches"]] == found.pictures[0].tolist()
    assert [row["box"] for row in content["patches"]] == found.boxes[0].tolist()
    assert [row["value"] for row in content["patches"]] == pytest.approx(found.values[0].tolist(), rel=1e-5)
    for row, crop in zip(content["patches"], found.crops[0], strict=True):
        shown = np.asarray(Image.open(io.BytesIO(images[row["image"]])).convert("RGB")).astype(int)
        assert shown.shape == crop.shape
        assert np.abs(shown - crop).mean() < 6  # JPEG
    card = UnitCard(network, "fire6-squeeze1x1", 14, photos_seen[:2], k=1)
    card.name = "red things"
    explorer.channel = 14
    assert sent[-1][0]["name"] == "red things"
    explorer.channel = 15
    assert sent[-1][0]["name"] == ""
    card.close()
    explorer.close()


def test_photos_do_not_fit_a_network_that_takes_less_than_zero(model):
    explorer = NetworkExplorer(model, PICTURE - 128.0)
    sent = []
    explorer.send = lambda content, buffers=(): sent.append(content)
    ask(explorer, kind="patches")
    assert "takes values below 0" in sent[-1]["text"]
    explorer.close()


# ---- where a number comes from


def test_arithmetic_of_the_chosen_place(explorer, model):
    assert explorer.arithmetic is None
    explorer.paint("grey", 8, [(6, 6)])
    explorer.layer, explorer.channel, explorer.place = "deep", 1, (3, 2)
    value = float(activations(model, explorer.image, "deep")[3, 2, 1])
    assert explorer.arithmetic.total == pytest.approx(value, rel=1e-4)
    found, _ = told(explorer, "arithmetic")
    assert (found["layer"], found["kind"], found["place"]) == ("deep", "convolution", [3, 2, 1])
    assert found["value"] == pytest.approx(value)
    parts = sum(product for *_, product in found["terms"]) + found["together"] + found["bias"]
    assert parts == pytest.approx(value, rel=1e-4)
    channel = found["window"]["channel"]
    before = activations(model, explorer.image, "pool")[3:6, 2:5, channel]
    kernel = model.get_layer("deep").kernel.numpy()[:, :, channel, 1]
    np.testing.assert_allclose(found["window"]["patch"], before, rtol=1e-5)
    np.testing.assert_allclose(found["window"]["kernel"], kernel, rtol=1e-5)
    assert found["terms"][0][-1] == pytest.approx((before * kernel).sum(), rel=1e-4)
    explorer.place = None
    assert told(explorer, "arithmetic")[0] == {}


def test_down_to_what_adds_most(explorer):
    explorer.layer, explorer.channel, explorer.place = "deep", 1, (3, 2)
    layer, place, *_ = told(explorer, "arithmetic")[0]["terms"][0]
    explorer.set_state({"layer": layer, "channel": place[2], "place": place[:2]})  # as the page sends it
    assert (explorer.layer, explorer.channel, explorer.place) == ("pool", place[2], place[:2])
    found, _ = told(explorer, "arithmetic")
    assert (found["kind"], found["terms"][0][0]) == ("max pooling", "relu")


# ---- where there is no kernel, and other networks


def test_still(explorer):
    still = explorer._still()
    alt = re.search(r'alt="([^"]+)"', still)[1]
    assert "8 layers in 7 boxes, from picture to prob; in 5 of them a channel for the photo." in alt
    assert alt.endswith(f"It says class {explorer.outputs.argmax()}.")
    assert repr(explorer).startswith(
        f"NetworkExplorer: layer relu (6 channels of 22 x 18), channel {explorer.channel}, "
    )


def test_no_numbers():
    explorer = NetworkExplorer(roots_of_negatives(), PICTURE[:12, :10])
    explorer.told = []
    explorer.send = lambda content, buffers=(): explorer.told.append((content, buffers))
    ask(explorer, kind="look", boxes=[0, 1], side=64, all=True)
    shown, _ = told(explorer, "thumbnails")
    assert [nan for *_, nan in shown] == [False, True]
    assert [now for *_, now in told(explorer, "scores")[0]] == [None] * 3
    json.dumps([content for content, _ in explorer.told], allow_nan=False)
    assert "<img" in explorer._still()
    explorer.close()


def test_networks_without_classes_or_maps_and_of_any_size():
    body = keras.Sequential([keras.Input((None, None, 1)), layers.Conv2D(2, 3, name="conv")])
    explorer = NetworkExplorer(body, PICTURE[..., :1])
    assert explorer.activation.shape == (22, 18, 2)
    assert explorer._classes == []
    assert explorer._pack_scores() == ([], None)
    explorer.close()
    flat = keras.Sequential([keras.Input((24, 20, 3), name="picture"), layers.Flatten(), layers.Dense(4)])
    explorer = NetworkExplorer(flat, PICTURE)
    assert explorer.layer == "picture"
    explorer.close()


@pytest.mark.parametrize(
    ("make", "error", "says"),
    [
        (lambda m: NetworkExplorer("squeezenet", PICTURE), TypeError, "Expected a Keras model, not str"),
        (lambda m: NetworkExplorer(two_inputs(), PICTURE), ValueError, "networks that take one picture"),
        (lambda m: NetworkExplorer(m, PICTURE, "flat"), ValueError, "has no channels of height and width"),
        (lambda m: NetworkExplorer(m, PICTURE, "conv", 6), ValueError, "There is no channel 6"),
        (lambda m: NetworkExplorer(m, PICTURE * np.nan), ValueError, "NaN or infinity"),
        (lambda m: NetworkExplorer(first(), PICTURE), ValueError, "has its channels first"),
    ],
)
def test_refused_at_construction(model, make, error, says):
    with pytest.raises(error, match=re.escape(says)):
        make(model)


def first():
    x = keras.Input((24, 20, 3))
    return keras.Model(x, layers.Conv2D(2, 3, data_format="channels_first", name="first")(x))


@pytest.mark.parametrize(
    ("name", "value"),
    [("layer", "flat"), ("channel", 6), ("scale", "signed"), ("place", (22, 0)), ("place", 3), ("point", (24, 0))],
)
def test_what_is_refused_changes_nothing(explorer, name, value):
    check_refused_and_nothing_changed(explorer, name, value)


# ---- what the network draws for the channel


def drawings(explorer):
    return [(content, len(buffers)) for content, buffers in explorer.told if content["kind"] == "drawing"]


def test_a_channel_is_drawn_when_the_page_asks(explorer, model):
    explorer._steps = 3
    assert explorer.drawing is None
    ask(explorer, kind="draw")
    explorer.wait(60)
    where = {"layer": "relu", "channel": explorer.channel}
    common = {"kind": "drawing", **where, "steps": 3, "error": ""}
    assert drawings(explorer)[0] == (common | {"step": 0, "running": True}, 0)
    assert drawings(explorer)[-1] == (common | {"step": 3, "running": False}, 1)
    expected = maximize(channel(model, "relu", explorer.channel), steps=3).images[0]
    np.testing.assert_allclose(explorer.drawing, expected, atol=1e-3)
    thread = explorer._thread
    ask(explorer, kind="draw")  # it is there
    assert explorer._thread is thread


def test_a_drawing_stops_and_ends_with_another_channel(explorer):
    explorer._steps = 100_000
    first = explorer.channel
    ask(explorer, kind="draw")
    until(lambda: explorer.drawing is not None)
    ask(explorer, kind="stop")
    explorer.wait(60)
    content, pictures = drawings(explorer)[-1]
    assert (content["running"], pictures) == (False, 1)
    assert 0 < content["step"] < 100_000
    explorer.draw()
    other = (first + 1) % 6
    explorer.channel = other
    explorer.wait(60)
    assert drawings(explorer)[-1][0] == {**content, "channel": other, "step": 0}
    assert explorer.drawing is None
    ask(explorer, kind="look", boxes=[], side=8, all=True)
    assert drawings(explorer)[-1][1] == 0
    explorer.draw()
    explorer.layer = "deep"
    explorer.wait(60)
    assert drawings(explorer)[-1][0]["channel"] == explorer.channel
    explorer.layer, explorer.channel = "relu", first
    assert drawings(explorer)[-1][1] == 1  # what was drawn is kept


def test_what_cannot_be_drawn_is_said(model):
    explorer = NetworkExplorer(model, PICTURE / np.float32(255))
    with pytest.raises(ValueError, match="with_preprocessing"):
        explorer.draw()
    explorer.close()
