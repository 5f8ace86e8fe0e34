"""The ChannelExplorer that the browser tests look at, what its page shows, and what it must show."""

import json
import zlib
from base64 import b64decode

import numpy as np

from tests.browser.lab import python
from tests.browser.reading import explorer_fixtures, pixels as canvas_pixels

ROOT = ".ck-channel-explorer"

FACE = """\
from skimage import data
from coursekit import ChannelExplorer, activations, receptive_field, resize, squeezenet
face = resize(data.astronaut()[20:240, 120:340], 227)
explorer = ChannelExplorer(squeezenet(), face, layer="fire6-squeeze1x1")

# What the page must show, from the activations themselves. Half of the page's formula: floor(x + 0.5).
import base64, json, zlib
import numpy as np

def expect(layer, low=None, high=None, relu=False):
    values = activations(explorer._network, explorer.image, layer).astype(np.float64)
    values = np.maximum(values, 0) if relu else values
    low = min(values.min(), 0.0) if low is None else low
    high = values.max() if high is None else high
    levels = np.floor((values - low) * (255 / (high - low)) + 0.5).astype(int)
    send(np.moveaxis(levels, -1, 0))

def send(array):
    print(json.dumps(array.shape), base64.b64encode(zlib.compress(array.astype(np.uint8).tobytes())).decode())
"""
RESET = """
explorer.image = face
explorer.layer = "fire6-squeeze1x1"
explorer.channel = 13
explorer.scale, explorer.relu, explorer.sort = "shared", False, False
"""


def channel_fixtures():
    """Return the fixtures ``notebook`` and ``page``."""
    return explorer_fixtures(ROOT, FACE, RESET, {".ck-name": "Channel 13"}, settles=_settles)


def _settles(page):
    page.locator(".ck-opacity input").first.fill("0")


def chosen(page):
    """Return the channel that the page says is chosen."""
    return int(page.locator(".ck-name").first.inner_text().removeprefix("Channel "))


def pixels(page, name, view=0):
    """Return what stands on a canvas, (H, W, 4)."""
    return canvas_pixels(page.locator(f"canvas.ck-{name}").nth(view))


def expected(page, layer="fire6-squeeze1x1", **scale):
    """Return the levels from 0 to 255 that the page must draw, (C, H, W)."""
    return received(page, f"expect({layer!r}, **{scale})")


def received(page, code):
    """Return an array of bytes that the kernel sends, packed: the server holds back megabytes of printed text."""
    shape, content = python(page, code).rsplit(" ", 1)
    return np.frombuffer(zlib.decompress(b64decode(content)), np.uint8).reshape(json.loads(shape)).astype(int)
