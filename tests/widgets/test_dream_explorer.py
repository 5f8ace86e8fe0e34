"""What DreamExplorer draws and reports. How it looks and answers in the page: tests/browser."""

import base64
import io
import re
import subprocess
import sys
import threading
import time

import numpy as np
import pytest
from PIL import Image

from coursekit import channel, class_score, maximize, photos
from coursekit.networks.backend import keras
from coursekit.widgets import DreamExplorer
from tests.widgets.sample import until

layers = keras.layers


@pytest.fixture
def explorer(small):
    """An explorer that draws in milliseconds, and what it tells the page."""
    explorer = DreamExplorer(small, "conv", 2, steps=6)
    explorer.told = []
    explorer.send = lambda content, buffers: explorer.told.append((content, buffers))
    yield explorer
    explorer.close()


def drawn(explorer):
    """Return (title, step) of each report that shows something."""
    shown = [content["drawn"] for content, _ in explorer.told if content["drawn"]]
    return [(one["title"], one["step"]) for one in shown]


# ---- what is drawn


def test_draws_what_maximize_draws(explorer, small):
    explorer.a = {"l2": 3, "start": "grey", "seed": 4}
    explorer.start()
    explorer.wait()
    unit = float(f"{channel(small, 'conv', 2)(grey_photos()).std():.3g}")
    objective = channel(small, "conv", 2) / unit
    a = maximize(objective, 6, l2=3, start="grey", seed=4)
    b = maximize(objective, 6, parametrization="pixels", shift=0, scale=0, rotate=0)
    np.testing.assert_array_equal(explorer.images, np.concatenate([a.images, b.images]))
    content, buffers = explorer.told[-1]
    assert content["running"] is False
    assert content["drawn"]["unit"] == unit
    for found, expected in zip(buffers[2:], (a, b), strict=True):
        np.testing.assert_array_equal(np.frombuffer(found, "<f4"), expected.trace[0])
    pixels = np.frombuffer(buffers[0], np.uint8).reshape(28, 28, 3)
    np.testing.assert_array_equal(pixels, np.rint(a.images[0]).repeat(3, axis=2))


def grey_photos():
    return photos(28)[0].mean(-1, keepdims=True)


def test_code_draws_the_same(explorer, small):
    explorer.a = {"total_variation": 0.5, "rotate": 20, "scale": np.float64(0.2), "seed": np.int64(1)}
    explorer.start()
    explorer.wait()
    names = {"model": small, "maximize": maximize, "channel": channel}
    exec(explorer.code, names)
    np.testing.assert_array_equal(np.stack([names["a"], names["b"]]), explorer.images)
    assert "a = maximize(objective, steps=6, total_variation=0.5, scale=0.2, rotate=20, seed=1).images[0]" in (
        explorer.code
    )


def test_class_and_its_code(small):
    explorer = DreamExplorer(small, label=3, compare=False, steps=2)
    explorer.start()
    explorer.wait()
    names = {"model": small, "maximize": maximize, "class_score": class_score}
    exec(explorer.code, names)
    np.testing.assert_array_equal(names["a"], explorer.images[0])
    assert explorer.images.shape == (1, 28, 28, 1)


def test_scores_are_counted_in_spreads(explorer, small):
    explorer.start()
    explorer.wait()
    values = channel(small, "conv", 2)(grey_photos())
    shown = explorer.told[-1][0]["drawn"]
    assert shown["unit"] == pytest.approx(values.std(), rel=5e-3)
    assert shown["strongest"] == pytest.approx(values.max() / values.std(), rel=5e-3)


def test_a_unit_that_no_photo_wakes():
    network = keras.Sequential([keras.Input((16, 16, 3)), layers.Conv2D(2, 3, name="conv")])
    network.layers[0].set_weights([np.zeros((3, 3, 3, 2), np.float32), np.zeros(2, np.float32)])
    explorer = DreamExplorer(network, "conv", steps=2)
    explorer.start()
    explorer.wait()
    assert np.isfinite(explorer.images).all()
    assert "/ 1\n" in explorer.code


def test_steps_that_cannot_be_taken_are_said():
    # Below the middle grey the root is NaN, and every start has such pixels.
    root = layers.Lambda(lambda x: keras.ops.sqrt(x - 127.5), output_shape=(8, 8, 3), name="root")
    explorer = DreamExplorer(keras.Sequential([keras.Input((8, 8, 3)), root]), "root", steps=5, b={"start": "black"})
    reports = []
    explorer.send = lambda content, buffers: reports.append(content["drawn"])
    explorer.start()
    explorer.wait()
    said = "at 5 of 5 steps, first at step 1, the score or its gradient was no finite number, and the picture stayed"
    assert reports[-1]["stuck"].startswith(f"A: {said} as it was. B: {said}")
    assert reports[-1]["unit"] > 0
    assert np.ptp(explorer.images[1]) < 0.01  # the start, all one colour
    assert f"<p>A: {said}" in explorer._repr_mimebundle_()[0]["text/html"]


def test_nothing_is_said_of_steps_that_were_taken(explorer):
    explorer.start()
    explorer.wait()
    assert explorer.told[-1][0]["drawn"]["stuck"] == ""


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ({"layer": "fire6-squeeze1x1"}, 128),
        ({"layer": "pool10"}, None),  # behind the last map
        ({"label": "lemon"}, None),
        ({"layer": "fire6-squeeze1x1", "size": 96}, 96),
        ({"label": "lemon", "size": (90, 100)}, (90, 100)),
    ],
)
def test_size(network, given, expected):
    assert DreamExplorer(network, **given)._choice()["size"] == expected


def test_size_of_small_and_of_oblong_networks(small):
    assert DreamExplorer(small, "conv")._choice()["size"] is None
    oblong = keras.Sequential([keras.Input((300, 600, 3)), layers.Conv2D(2, 3)])
    assert DreamExplorer(oblong)._choice()["size"] == (64, 128)
    free = keras.Sequential([keras.Input((None, None, 3)), layers.Conv2D(2, 3)])
    assert DreamExplorer(free)._choice()["size"] == 128


# ---- the thread


def test_kernel_goes_on_meanwhile(explorer):
    explorer.steps = 100_000
    explorer.start()
    until(lambda: drawn(explorer))
    assert explorer._thread is not threading.current_thread()
    assert explorer._thread.is_alive()
    assert explorer._thread.daemon
    first = explorer.images
    until(lambda: len(drawn(explorer)) > 3)
    steps = [step for _, step in drawn(explorer)]
    assert steps == sorted(set(steps))
    assert (explorer.images != first).any()


def test_some_ten_reports_a_second(explorer):
    explorer.steps = 100_000
    explorer.start()
    until(lambda: drawn(explorer))
    before, start = len(explorer.told), time.monotonic()
    time.sleep(1)
    until(lambda: len(explorer.told) > before)
    explorer.stop()
    assert 0 < len(explorer.told) - before <= 1 + 10 * (time.monotonic() - start) + 1


def test_stop_keeps_the_pictures(explorer):
    explorer.steps = 100_000
    explorer.start()
    until(lambda: len(drawn(explorer)) > 2)
    explorer.stop()
    images, step = explorer.images, drawn(explorer)[-1][1]
    explorer.wait(60)
    assert not explorer._thread.is_alive()
    content, buffers = explorer.told[-1]
    assert (content["running"], content["preparing"], content["drawn"]["step"]) == (False, None, step)
    assert explorer.images is images
    assert f"steps={step}," in explorer.code
    assert buffers[0] == np.rint(images[0]).astype(np.uint8).repeat(3, axis=2).tobytes()


def test_stop_before_the_first_step(network):
    explorer = DreamExplorer(network, "fire2-squeeze1x1", compare=False)
    with explorer._lock:  # the first step comes behind both
        explorer.start()
        explorer.stop()
    explorer.wait(60)
    assert explorer.images is None
    assert explorer.code == ""


@pytest.mark.parametrize(
    ("name", "value"),
    [("channel", 4), ("layer", "relu"), ("label", 7), ("a", {"l2": 1}), ("compare", False), ("steps", 99_999)],
)
def test_a_new_choice_cancels_the_old_run(explorer, name, value):
    explorer.steps = 100_000
    explorer.start()
    until(lambda: len(drawn(explorer)) > 1)
    old, run = explorer._thread, explorer._run
    with explorer._lock:  # the old run reports nothing in between
        explorer.told.clear()
        explorer.set_state({name: value})  # as the page does
        assert explorer.told[0][0]["preparing"] is not None
    until(lambda: explorer.told[-1][0]["preparing"] is None)
    until(lambda: len(explorer.told) > 3)
    assert explorer._run == run + 1
    assert not old.is_alive()
    reports = [content for content, _ in explorer.told]
    waiting = [content["preparing"] is not None for content in reports]
    assert waiting == sorted(waiting, reverse=True)  # nothing of the old run came after the new one's first step
    shown = [content["drawn"]["step"] for content in reports if content["preparing"] is None]
    assert shown[0] == 1
    assert shown == sorted(set(shown))
    fresh = [content["drawn"] for content in reports if content["preparing"] is None]
    expected = {
        "channel": lambda one: one["title"] == "conv, channel 4",
        "layer": lambda one: one["title"] == "relu, channel 2",
        "label": lambda one: one["title"] == "class 7",
        "a": lambda one: "l2=1" in one["code"],
        "compare": lambda one: one["panels"] == ["a"],
        "steps": lambda one: one["steps"] == 99_999,
    }[name]
    assert all(expected(one) for one in fresh)


def test_many_new_choices_end_with_the_last(explorer):
    explorer.steps = 100_000
    explorer.start()
    for index in (0, 1, 2, 3, 4, 3, 1) * 3:
        explorer.channel = index
    until(lambda: drawn(explorer))
    assert {title for title, _ in drawn(explorer)} == {"conv, channel 1"}
    # Those of other tests end at their next step.
    until(lambda: sum(thread.name == "DreamExplorer" for thread in threading.enumerate()) == 1)


def test_after_stop_a_choice_waits_for_start(explorer):
    with explorer._lock:
        explorer.start()
        explorer.stop()
    explorer.channel = 3
    explorer.wait(60)
    assert not drawn(explorer)
    explorer._handle_custom_msg({"kind": "start"}, [])
    explorer.wait()
    assert drawn(explorer)[-1] == ("conv, channel 3", 6)


def test_after_the_end_a_choice_draws_again(explorer):
    explorer.start()
    explorer.wait()
    explorer.channel = 3
    explorer.wait()
    assert drawn(explorer)[-1] == ("conv, channel 3", 6)


def test_closing_ends_the_thread(small):
    explorer = DreamExplorer(small, "conv", steps=100_000)
    explorer.start()
    until(lambda: explorer.images is not None)
    explorer.close()
    explorer._thread.join(60)
    assert not explorer._thread.is_alive()


def test_error_in_the_thread_is_told(small):
    explorer = DreamExplorer(small, "digit", steps=2, size=40)  # behind a Flatten other sizes do not go
    told = []
    explorer.send = lambda content, buffers: told.append(content)
    explorer.start()
    with pytest.raises(ValueError, match="40"):
        explorer.wait()
    assert "40" in told[-1]["error"]
    assert (told[-1]["running"], told[-1]["preparing"]) == (False, None)
    explorer.layer = "conv"  # a choice that can be drawn: the error goes
    explorer.wait()
    assert told[-1]["error"] == ""
    assert explorer.images.shape == (2, 40, 40, 1)


def test_ending_python_while_it_draws():
    code = (
        "import atexit, time\natexit.register(lambda: print(explorer._thread.is_alive()))  # the last that is done\n"
        "from coursekit import DreamExplorer\nfrom coursekit.networks.backend import keras\n"
        "network = keras.Sequential([keras.Input((32, 32, 3)), keras.layers.Conv2D(4, 3)])\n"
        "explorer = DreamExplorer(network, steps=10**6)\nexplorer.start()\n"
        "while explorer.images is None:\n    time.sleep(0.01)\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=300)
    assert (done.returncode, done.stdout, done.stderr) == (0, "False\n", "")


def test_a_view_gets_what_is_there(explorer):
    explorer.start()
    explorer.wait()
    last = explorer.told[-1]
    explorer._handle_custom_msg({"kind": "look"}, [])
    assert explorer.told[-1] == last


# ---- without a kernel


def test_still_picture_with_alt_text(network):
    explorer = DreamExplorer(network, "fire2-squeeze1x1", 3)
    bundle, _ = explorer._repr_mimebundle_()
    assert "application/vnd.jupyter.widget-view+json" in bundle
    assert bundle["text/plain"] == "DreamExplorer: fire2-squeeze1x1, channel 3, A and B after 32 steps"
    alt, encoded = re.search(r'<img alt="([^"]+)" src="data:image/webp;base64,([^"]+)"', bundle["text/html"]).groups()
    assert "fire2-squeeze1x1, channel 3 after 32 steps of gradient ascent. A: score " in alt
    assert np.ptp(np.asarray(Image.open(io.BytesIO(base64.b64decode(encoded))))) > 200
    images = explorer.images
    again, _ = DreamExplorer(network, "fire2-squeeze1x1", 3)._repr_mimebundle_()
    assert again["text/html"] == bundle["text/html"]
    explorer._repr_mimebundle_()
    assert explorer.images is images  # drawn once
