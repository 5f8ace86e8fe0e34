"""What all widgets share: the page, the still picture, and indices that came too late."""

import re
from pathlib import Path

import pytest
import traitlets

from coursekit.networks.backend import keras
from coursekit.widgets import base
from coursekit.widgets.base import Widget, own_page
from coursekit.widgets.networks import picture_shape

FOLDER = Path(base.__file__).parent
STYLES = sorted(FOLDER.glob("*.css"))
layers = keras.layers


def outermost(style):
    """Return what stands before each outermost block of a style sheet."""
    found, depth, begin = [], 0, 0
    style = re.sub(r"/\*.*?\*/", "", style, flags=re.S)
    for place in re.finditer(r"[{}]", style):
        if place[0] == "{" and depth == 0:
            found.append(style[begin : place.start()].strip())
        depth += 1 if place[0] == "{" else -1
        begin = place.end()
    assert depth == 0
    return found


@pytest.mark.parametrize("file", STYLES, ids=lambda file: file.stem)
def test_every_selector_begins_with_the_root_of_its_widget(file):
    name = file.stem.replace("_", "-")
    root = ".ck" if name == "page" else f".ck.ck-{name}"
    assert outermost(file.read_text("utf-8")) == [root]  # what is nested in it is below it
    if name != "page":
        assert f'export default widget("{name}", ' in file.with_suffix(".js").read_text("utf-8")


def test_shared_styles_weigh_less_than_those_of_a_widget():
    # Each widget's sheet holds the shared ones, so that these may come after those of another widget.
    style = re.sub(r"/\*.*?\*/", "", (FOLDER / "page.css").read_text("utf-8"), flags=re.S)
    selectors = [one.strip() for one in re.findall(r"(?<=[{};])([^{};]+)\{", style) if "@" not in one]
    assert len(selectors) > 25
    light = r'(:where\(.*\)|&(\[aria-busy="true"\]|\.ck-[a-z]+) :where\(.*\))?(:hover|:focus-visible|:has\(:\S+\))?'
    # The theme's, on the root itself: as light as the root's own.
    assert {re.sub(r"^&,\s*", "", one) for one in selectors if not re.fullmatch(light, one)} == {
        '[data-jp-theme-light="false"] &'
    }


def test_page_of_a_widget_is_the_shared_part_and_its_own():
    script, style = own_page(str(FOLDER / "unit_card.py"))
    for text, suffix in ((script, ".js"), (style, ".css")):
        shared, own = ((FOLDER / name).with_suffix(suffix).read_text("utf-8") for name in ("page", "unit_card"))
        assert text.startswith(shared)
        assert text.endswith(own)


class Choice(Widget):
    _esm = "export default {}"
    page = traitlets.Any("long").tag(sync=True)
    line = traitlets.Int(0).tag(sync=True)
    still = ""

    def _counts(self, state):
        return {"line": {"long": 9, "short": 3}[state.get("page", self.page)]}

    def _still(self):
        return self.still

    def __repr__(self):
        return f"line {self.line}"


@pytest.fixture
def choice():
    choice = Choice()
    choice.sent = []
    choice.send_state = lambda key=None: choice.sent.append(key)
    return choice


def test_what_the_page_chooses(choice):
    choice.set_state({"line": 8})
    assert choice.line == 8
    choice.set_state({"page": "short", "line": 2})
    assert (choice.page, choice.line) == ("short", 2)


def test_an_index_that_came_too_late_is_put_right_in_the_page(choice):
    choice.page, choice.sent = "short", []
    choice.set_state({"line": 3})
    assert (choice.line, choice.sent[-1]) == (0, "line")
    choice.set_state({"page": "long", "line": 3})  # there it exists
    assert choice.line == 3


def test_still_picture(choice):
    assert "text/html" not in choice._repr_mimebundle_()[0]
    choice.still = "<p>still</p>"
    bundle, _ = choice._repr_mimebundle_()
    assert bundle["text/plain"] == "line 0"
    assert bundle["text/html"] == "<p>still</p>"
    assert "application/vnd.jupyter.widget-view+json" in bundle


def test_shape_of_the_picture():
    assert picture_shape(keras.Sequential([keras.Input((8, None, 3)), layers.Conv2D(2, 3)]), "X") == (8, None, 3)
    two = keras.Input((8, 8, 3)), keras.Input((4,))
    with pytest.raises(ValueError, match=r"X shows networks that take one picture.* takes \(8, 8, 3\), \(4,\)"):
        picture_shape(keras.Model(two, [layers.Flatten()(two[0]), two[1]]), "X")
    with pytest.raises(TypeError, match="Expected a Keras model, not str"):
        picture_shape("squeezenet", "X")
