"""StyleExplorer: what it holds, draws, reports and refuses. How it looks in the page: tests/browser."""

import io
import re
import threading

import numpy as np
import pytest
from PIL import Image

from coursekit import painting, resize, stylize, transfer_style
from coursekit.networks.backend import keras
from coursekit.networks.stylizing import style_network
from coursekit.techniques.style import recoloured, style_losses, transfer_stages
from coursekit.widgets import StyleExplorer
from tests.widgets.sample import listening, until

layers = keras.layers
PICTURES = np.random.default_rng(0).integers(0, 256, (4, 20, 24, 3)).astype(np.uint8)
CONTENTS = {"one": PICTURES[0], "two": PICTURES[1]}
STYLES = {"dots": PICTURES[2], "plain": PICTURES[3][:18]}
STEPS = 5


@pytest.fixture(scope="module")
def model():
    keras.utils.set_random_seed(1)
    body = [layers.Rescaling(1 / 127.5, -1), layers.Conv2D(5, 3, activation="relu", name="a")]
    return keras.Sequential([keras.Input((None, None, 3)), *body, layers.Conv2D(6, 3, activation="relu", name="b")])


@pytest.fixture(scope="module")
def fast():
    return style_network(3)


@pytest.fixture
def explorer(model, fast):
    """An explorer, all done, and what it tells the page from now on."""
    explorer = make(model, stylizers={"dots": fast})
    explorer.start()
    with listening(explorer):
        yield explorer


def make(model, contents=CONTENTS, styles=STYLES, **how):
    return StyleExplorer(model, contents, styles, **{"layers": ["a", "b"], "content_layer": "b", "steps": STEPS, **how})


def transferred(model, content="one", style="dots", **how):
    """Return what ``transfer_style`` makes of it."""
    how = {"content_layer": "b", "style_layers": ["a", "b"], "steps": STEPS, **how}
    return transfer_style(model, CONTENTS[content], STYLES[style], **how, progress=False)


def progress(explorer):
    return [content for content, _ in explorer.told if content["kind"] == "progress"]


# ---- what is drawn


def test_draws_what_transfer_style_draws(explorer, model, fast):
    found = transferred(model)
    np.testing.assert_allclose(explorer.image, found.image, atol=1e-3)
    np.testing.assert_allclose(explorer.path[-1], [STEPS, found.content_loss, found.style_loss], rtol=1e-4)
    np.testing.assert_array_equal(explorer.path[0, :2], [0, 0])  # the start is the content itself
    np.testing.assert_allclose(explorer.stylized, stylize(PICTURES[0].astype(np.float32), fast), atol=1e-3)


@pytest.mark.parametrize(
    ("choice", "how"),
    [
        ({"content": 1}, {"content": "two"}),
        ({"style": "plain"}, {"style": "plain"}),
        ({"weights": {"a": 1, "b": 0.25}}, {"style_layers": {"a": 1, "b": 0.25}}),
        ({"weights": {"b": 2}}, {"style_layers": ["b"]}),
        ({"strength": 7.0}, {"style_weight": 7.0}),
        ({"keep_colour": True}, {"keep_colour": True}),
    ],
)
def test_each_choice_counts(explorer, model, choice, how):
    before = explorer.image
    for name, value in choice.items():
        setattr(explorer, name, value)
    explorer.wait()
    found = transferred(model, **how)
    np.testing.assert_allclose(explorer.image, found.image, atol=1e-3)
    np.testing.assert_allclose(explorer.path[-1, 1:], [found.content_loss, found.style_loss], rtol=1e-4)
    assert np.abs(explorer.image - before).max() > 1


@pytest.mark.parametrize("nothing", [{"strength": 0}, {"weights": {}}])
def test_without_style_the_picture_is_smoothed_only(explorer, model, nothing):
    for name, value in nothing.items():
        setattr(explorer, name, value)
    explorer.wait()
    found = transferred(model, style_weight=0)
    np.testing.assert_allclose(explorer.image, found.image, atol=1e-3)
    np.testing.assert_allclose(explorer.path[-1, 1:], [found.content_loss, found.style_loss], rtol=1e-4)


def test_the_fast_answer(explorer, model, fast):
    made = stylize(PICTURES[0].astype(np.float32), fast)
    photo, style = PICTURES[0].astype(np.float32), PICTURES[2].astype(np.float32)
    expected = style_losses(model, made, photo, style, "b", ["a", "b"])
    np.testing.assert_allclose(explorer._shown["fast_losses"], expected, rtol=1e-4)
    explorer.weights, explorer.strength = {"a": 1}, 50
    explorer.wait()
    np.testing.assert_allclose(explorer.stylized, made, atol=1e-3)  # it knows nothing of the weights
    explorer.keep_colour = True
    explorer.wait()
    np.testing.assert_allclose(explorer.stylized, recoloured(made, photo), atol=1e-3)
    explorer.style = "plain"
    explorer.wait()
    assert (explorer.stylized, explorer._shown["fast_losses"]) == (None, None)


def test_paintings_by_their_names(model):
    explorer = make(model, PICTURES[0], ["strokes"], size=20)
    assert (explorer._contents, explorer._styles) == (["content 0"], ["strokes"])
    np.testing.assert_array_equal(explorer._picture("style", 0), np.rint(resize(painting("strokes"), 20)))
    explorer.start()
    explorer.wait()
    photo = explorer._picture("content", 0)
    assert photo.shape == (17, 20, 3)  # its longer side is 20
    np.testing.assert_allclose(explorer.stylized, stylize(photo.astype(np.float32), "strokes"), atol=1e-3)
    explorer.close()


# ---- what the page gets


def test_steps_are_told(explorer):
    explorer.strength = 3
    explorer.wait()
    told = [one["shown"] for one in progress(explorer) if one["shown"]["strength"] == 3]
    assert [one["path"][0][0] for one in told] == [0] * len(told)
    assert told[-1]["path"][-1][0] == STEPS
    content, buffers = explorer.told[-1]
    assert (content["running"], content["error"], content["shown"]["steps"]) == (False, "", STEPS)
    for buffer, picture in zip(buffers, (explorer.image, explorer.stylized), strict=True):
        pixels = np.frombuffer(buffer, np.uint8).reshape(*content["shown"]["shape"], 3)
        np.testing.assert_array_equal(pixels, np.rint(picture.clip(0, 255)))
    for role, index in (("content", 0), ("style", 2)):
        packed = getattr(explorer, f"_{role}")
        np.testing.assert_array_equal(np.frombuffer(packed["rgb"], np.uint8).reshape(20, 24, 3), PICTURES[index])


def test_a_new_view_gets_all(explorer):
    explorer._receive(None, {"kind": "look"}, [])
    content, buffers = explorer.told[-1]
    assert content["shown"]["path"][-1][0] == STEPS
    assert len(buffers) == 2


def slowly(monkeypatch):
    """Let each step wait for a permit; return what is set when one waits, and the permits."""
    asked, permits = threading.Event(), threading.Semaphore(0)

    def stages(*args, **kwargs):
        for stage in transfer_stages(*args, **kwargs):
            if stage.step:
                asked.set()
                assert permits.acquire(timeout=60)
            yield stage

    monkeypatch.setattr("coursekit.widgets.style_explorer.transfer_stages", stages)
    return asked, permits


def test_a_new_choice_cancels(explorer, monkeypatch):
    asked, permits = slowly(monkeypatch)
    explorer.content = 1
    assert asked.wait(60)
    explorer.content = 0
    permits.release(1 + STEPS)  # a step of the one that is cancelled, and all of the other
    explorer.wait()
    steps = [one["shown"]["path"][-1][0] for one in progress(explorer) if one["shown"]["content"] == 1]
    assert set(steps) == {0}
    assert explorer.path[-1, 0] == STEPS


def test_stop_keeps_the_picture_and_the_next_choice_asks_the_fast_network_only(explorer, monkeypatch):
    asked, permits = slowly(monkeypatch)
    explorer._receive(None, {"kind": "start"}, [])
    assert asked.wait(60)
    explorer._receive(None, {"kind": "stop"}, [])
    assert (explorer._running, progress(explorer)[-1]["running"]) == (False, False)
    permits.release(1)
    explorer._thread.join()
    assert explorer.path[-1, 0] == 0
    np.testing.assert_array_equal(explorer.image, PICTURES[0])
    explorer.content = 1
    explorer.wait()
    np.testing.assert_array_equal(explorer.image, PICTURES[1])
    assert explorer.path[-1, 0] == 0
    assert explorer.stylized is not None
    permits.release(STEPS)
    explorer.start()
    explorer.wait()
    assert explorer.path[-1, 0] == STEPS


def test_nothing_is_drawn_after_the_end(explorer):
    explorer.close()
    thread = explorer._thread
    explorer.content = 1
    assert explorer._thread is thread


def test_choice_of_the_page(explorer):
    explorer.set_state({"content": 1, "style": 1, "weights": {"a": 0.5, "b": 0.1}, "strength": 5, "keep_colour": True})
    explorer.wait()
    found = explorer.content, explorer.style, explorer.weights, explorer.strength, explorer.keep_colour
    assert found == (1, 1, {"a": 0.5, "b": 0.1}, 5, True)
    assert [explorer._shown[name] for name in ("content", "style", "strength")] == [1, 1, 5]


# ---- own pictures


def drop(explorer, role, name, content, size=100):
    parts = [content[at : at + size] for at in range(0, len(content), size)]
    for number, part in enumerate(parts):
        message = {"kind": "file", "role": role, "name": name, "part": number, "parts": len(parts)}
        explorer._handle_custom_msg(message, [memoryview(part)])


def png(picture):
    file = io.BytesIO()
    Image.fromarray(picture).save(file, "PNG")
    return file.getvalue()


@pytest.mark.parametrize("role", ["content", "style"])
def test_own_picture(explorer, model, role):
    own = np.random.default_rng(5).integers(0, 256, (22, 18, 3)).astype(np.uint8)
    drop(explorer, role, "own.png", png(own))
    explorer.wait()
    assert getattr(explorer, role) == 2
    assert getattr(explorer, f"_{role}s")[2] == "own.png"
    assert {"kind": "taken", "text": f"own.png is the {role} now."} in [content for content, _ in explorer.told]
    pair = (own, PICTURES[2]) if role == "content" else (PICTURES[0], own)
    found = transfer_style(model, *pair, content_layer="b", style_layers=["a", "b"], steps=STEPS, progress=False)
    np.testing.assert_allclose(explorer.image, found.image, atol=1e-3)
    assert (explorer.stylized is None) == (role == "style")
    drop(explorer, role, "own.png", png(own[:, ::-1].copy()))
    assert getattr(explorer, f"_{role}s")[2:] == ["own.png", "own.png (2)"]
    assert getattr(explorer, role) == 3
    explorer.wait()


def test_a_file_that_is_no_picture(explorer):
    before = explorer.get_state()
    drop(explorer, "style", "notes.jpg", b"Dear diary,\n")
    [(content, _)] = explorer.told
    assert content == {"kind": "refused", "text": "notes.jpg holds text, not a picture, whatever its name ends in."}
    assert explorer.get_state() == before


# ---- in words


def test_in_words_and_still(model, fast):
    explorer = make(model, stylizers={"dots": fast}, steps=50)
    assert repr(explorer) == "StyleExplorer: one in the style of dots, no step is done"
    still = explorer._still()
    found = transferred(model, steps=40)
    words = f"one in the style of dots, after 40 steps: content loss {found.content_loss:.3g}, style loss "
    assert words in repr(explorer)
    assert words in still
    alt = re.search(r'alt="([^"]+)"', still)[1]
    assert alt == "one in the style of dots: content; style; after 40 steps; the fast network: one pass."
    explorer.close()


def test_the_still_picture_waits_for_the_first_step(model, monkeypatch):
    explorer = make(model, steps=4)
    explorer.strength = 2
    assert "StyleExplorer: one in the style of dots, after" in explorer._still()
    explorer.wait()
    explorer.close()


# ---- what is refused


@pytest.mark.parametrize(
    ("how", "error", "text"),
    [
        ({"model": "squeezenet"}, TypeError, "Expected a Keras model, not str"),
        ({"contents": []}, ValueError, "There is no content to choose"),
        ({"contents": {"one": PICTURES[0] * np.nan}}, ValueError, "NaN or infinity"),
        ({"styles": ["mosiac"]}, ValueError, "There is no painting 'mosiac'. Did you mean 'mosaic'?"),
        ({"content": 2}, ValueError, "There is no content 2: there are 2"),
        ({"style": "dot"}, ValueError, "There is no style 'dot'. Did you mean 'dots'?"),
        ({"layers": ["c"]}, ValueError, "'c'"),
        ({"layers": {"a": -1}}, ValueError, "the weight of 'a' must be a number, 0 or more, not -1"),
        ({"content_layer": "c"}, ValueError, "'c'"),
        ({"strength": "much"}, TypeError, "strength must be a number, 0 or more, not 'much'"),
        ({"steps": 0}, ValueError, "steps must be at least 1"),
        ({"size": 3}, ValueError, "size must be at least 16, not 3"),
    ],
)
def test_refused_at_construction(model, how, error, text):
    with pytest.raises(error, match=re.escape(text)):
        make(**{"model": model, **how})


@pytest.mark.parametrize(
    ("name", "value", "error", "text"),
    [
        ("content", 2, ValueError, "There is no content 2"),
        ("style", "moon", ValueError, "There is no style 'moon'"),
        ("weights", [1, 2], TypeError, "weights is a dict such as {'a': 1}"),
        ("weights", {"c": 1}, ValueError, "There is no weight for 'c'"),
        ("weights", {"a": np.inf}, ValueError, "the weight of 'a' must be a number"),
        ("strength", -1, ValueError, "strength must be a number, 0 or more"),
    ],
)
def test_what_is_refused_changes_nothing(explorer, name, value, error, text):
    before = explorer.get_state()
    with pytest.raises(error, match=re.escape(text)):
        setattr(explorer, name, value)
    assert explorer.get_state() == before


def test_an_error_of_the_thread_is_told(explorer, monkeypatch):
    def fails(*args, **kwargs):
        raise ValueError("Out of <paper>.")

    monkeypatch.setattr("coursekit.widgets.style_explorer.transfer_stages", fails)
    explorer.content = 1
    with pytest.raises(ValueError, match="Out of <paper>"):
        explorer.wait()
    until(lambda: explorer.told[-1][0]["error"] == "Out of <paper>.")
    explorer._shown = None
    assert explorer._still() == "<p>Out of &lt;paper&gt;.</p>"
