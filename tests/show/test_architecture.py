import base64
import html
import re
from html.parser import HTMLParser
from itertools import pairwise
from xml.etree import ElementTree

import numpy as np
import pandas as pd
import pytest

from coursekit import analyze, squeezenet
from coursekit.networks.backend import keras
from coursekit.show.architecture import _WHEEL, Analysis
from coursekit.techniques.architecture import architecture

L = keras.layers


def inception():
    picture = keras.Input((32, 32, 3), name="picture")
    x = L.Rescaling(1 / 255)(picture)
    for _ in range(2):
        short = L.Conv2D(4, 1, activation="relu")(x)
        middle = L.Conv2D(4, 3, padding="same", activation="relu")(L.Conv2D(4, 1, activation="relu")(x))
        long = x
        for size in (4, 8, 4):
            long = L.Conv2D(size, 3, padding="same", activation="relu")(long)
        pooled = L.Conv2D(4, 1, activation="relu")(L.MaxPooling2D(3, 1, "same")(x))
        x = L.Concatenate()([short, middle, long, pooled])
    x = L.Dense(5, activation="softmax", name="early")(L.GlobalAveragePooling2D()(x))
    return keras.Model(picture, L.Dense(2, name="scores")(L.Dropout(0, name="idle")(x)), name="inception")


def unet():
    picture = keras.Input((32, 32, 3))
    x, kept = L.Rescaling(1 / 255)(picture), []
    for size in (4, 8, 16):
        x = L.Conv2D(size, 3, padding="same", activation="relu")(x)
        kept.append(x)
        x = L.MaxPooling2D()(x)
    for size in (16, 8, 4):
        x = L.Concatenate()([L.Conv2DTranspose(size, 2, 2, activation="relu")(x), kept.pop()])
    return keras.Model(picture, L.Conv2D(1, 1, activation="sigmoid")(x), name="unet")


def two_inputs():
    photo, numbers = keras.Input((16, 16, 3), name="photo"), keras.Input((5,), name="numbers")
    unused = keras.Input((2,), name="unused")
    x = L.GlobalAveragePooling2D()(L.Conv2D(4, 3, activation="relu", name="eye")(photo))
    x = L.Concatenate()([x, L.Dense(4, activation="relu")(numbers)])
    return keras.Model([photo, numbers, unused], [L.Dense(2)(x), L.Dense(3)(x)], name="two_inputs")


def nested():
    picture = keras.Input((64, 64, 3))
    inner = keras.applications.MobileNetV2(weights=None, include_top=False, alpha=0.35)
    return keras.Model(picture, L.GlobalMaxPooling2D()(inner(picture)), name="nested")


def sequential():
    return keras.Sequential(
        [keras.Input((None, None, 3)), L.Rescaling(1 / 255), L.Conv2D(4, 3, name="conv2d")], name="sequential"
    )


def drawn_at_random(seed, layers=40):
    """A table of layers that feed each other in ways no one would build."""
    rng = np.random.default_rng(seed)
    sources = [()]
    for i in range(1, layers):
        nearby = np.arange(max(0, i - rng.integers(1, 12)), i)
        sources.append(tuple(f"layer{s}" for s in rng.permutation(nearby)[: rng.integers(0 if i % 9 == 0 else 1, 4)]))
    table = pd.DataFrame(
        {
            "layer": [f"layer{i}" for i in range(layers)],
            "type": "Add",
            "output shape": [(4, 4, 1)] * layers,
            "hyperparameters": "",
            "parameters": 0,
            "learnables": "",
            "multiplications": pd.array(rng.integers(0, 100, layers), dtype="Int64"),
            "share of the work": rng.random(layers),
            "receptive field": [(i, 2 * i) if i % 3 else None for i in range(layers)],
            "stride": [(1, 2) if i % 3 else None for i in range(layers)],
            "field is": ["upper bound" if i % 3 else None for i in range(layers)],
            "connections": sources,
            "flags": [("Odd.",) if i % 7 == 0 else () for i in range(layers)],
        }
    )
    analysis = Analysis(table)
    analysis.attrs = {"network": "random"}
    return analysis


MADE = {
    "squeezenet": lambda: analyze(squeezenet()),
    "inception": lambda: analyze(inception()),
    "unet": lambda: analyze(unet()),
    "two inputs": lambda: analyze(two_inputs()),
    "nested": lambda: analyze(nested()),
    "sequential": lambda: analyze(sequential()),
    **{f"random {seed}": lambda seed=seed: drawn_at_random(seed) for seed in range(20)},
}


@pytest.fixture(scope="module", params=MADE)
def analysis(request):
    return MADE[request.param]()


class Page(HTMLParser):
    """What is on the page: its tags, its text, its picture. Fails on a tag that is not closed."""

    def __init__(self, page):
        super().__init__()
        self.tags, self.text, self.open = [], "", []
        self.feed(page)
        assert self.open == []
        (self.image,) = (dict(attributes) for tag, attributes in self.tags if tag == "img")
        kind, _, content = self.image["src"].partition(",")
        assert kind == "data:image/svg+xml;base64"
        self.svg = ElementTree.fromstring(base64.b64decode(content, validate=True))

    def handle_starttag(self, tag, attributes):
        self.tags.append((tag, attributes))
        if tag not in ("img", "br", "wbr"):
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        self.text += data


@pytest.fixture(scope="module")
def page(analysis):
    return Page(analysis._repr_html_())


SVG = "{http://www.w3.org/2000/svg}"


def boxes(page):
    """{layer: (left, top, right, bottom)}."""
    found = {}
    for group in page.svg.iter(SVG + "g"):
        rect = group.find(SVG + "rect")
        title = group.find(SVG + "title")
        name = (group.find(SVG + "text") if title is None else title).text
        x, y, width, height = (int(rect.get(key)) for key in ("x", "y", "width", "height"))
        found[name] = (x, y, x + width, y + height)
    return found


def lines(page):
    """For each line the corners of its parts: (x, y) to (x, y), with the points that bend it."""
    for path in page.svg.iter(SVG + "path"):
        if path.get("class") != "e":
            continue
        parts = re.findall(r"([MVC])([^MVC]*)", path.get("d"))
        assert "".join(command + numbers for command, numbers in parts) == path.get("d")
        points = []
        for command, numbers in parts:
            n = [int(number) for number in numbers.split()]
            points.append([(points[-1][-1][0], n[0])] if command == "V" else list(zip(n[::2], n[1::2], strict=True)))
        yield points


class TestPicture:
    def test_every_layer_has_a_box(self, analysis, page):
        assert list(boxes(page)) == list(analysis["layer"])

    def test_boxes_do_not_overlap(self, page):
        placed = np.array(list(boxes(page).values()))
        left, top, right, bottom = placed.T[:, :, None]
        overlap = (left < right.T) & (right > left.T) & (top < bottom.T) & (bottom > top.T)
        assert (overlap == np.eye(len(placed), dtype=bool)).all()

    def test_all_is_inside(self, page):
        width, height = int(page.svg.get("width")), int(page.svg.get("height"))
        assert page.svg.get("viewBox") == f"0 0 {width} {height}"
        assert page.image["width"] == str(width)
        corners = [(x, y) for box in boxes(page).values() for x, y in (box[:2], box[2:])]
        for x, y in corners + [point for line in lines(page) for part in line for point in part]:
            assert 0 < x < width
            assert 0 < y < height

    def test_lines_are_the_connections(self, analysis, page):
        tops = {((left + right) // 2, top): name for name, (left, top, right, _) in boxes(page).items()}
        bottoms = {((left + right) // 2, bottom): name for name, (left, _, right, bottom) in boxes(page).items()}
        drawn = sorted((bottoms[line[0][0]], tops[line[-1][-1]]) for line in lines(page))
        assert drawn == sorted(
            (source, row["layer"]) for _, row in analysis.iterrows() for source in row["connections"]
        )

    def test_no_line_runs_through_a_box(self, page):
        placed = list(boxes(page).values())
        for line in lines(page):
            for before, part in pairwise(line):
                xs, ys = zip(before[-1], *part, strict=True)
                for left, top, right, bottom in placed:
                    assert max(xs) <= left or min(xs) >= right or max(ys) <= top or min(ys) >= bottom

    def test_lines_that_pass_boxes_by_do_not_lie_on_each_other(self, page):
        runs = []
        for line in lines(page):
            runs += [(a[-1][0], a[-1][1], b[0][1]) for a, b in pairwise(line) if len(b) == 1]
        for i, (x, top, bottom) in enumerate(runs):
            assert not any(x == x2 and top < bottom2 and top2 < bottom for x2, top2, bottom2 in runs[:i])

    def test_flagged_layers_are_marked(self, analysis, page):
        marked = [
            group for group in page.svg.iter(SVG + "g") if any(t.get("class") == "w" for t in group.iter(SVG + "text"))
        ]
        assert len(marked) == analysis["flags"].map(bool).sum()

    def test_who_cannot_see_it_is_told(self, analysis, page):
        assert page.svg.get("role") == "img"
        assert page.svg.find(SVG + "title").text == f"Graph of {analysis.attrs['network']}"
        assert page.svg.find(SVG + "desc").text == page.image["alt"]
        assert f"{len(analysis)} layers" in page.image["alt"]


class TestPage:
    def test_all_layers_and_flags_are_in_words_too(self, analysis, page):
        for _, row in analysis.iterrows():
            assert row["layer"] in page.text
            assert all(flag.replace("`", "") in page.text for flag in row["flags"])

    def test_no_script_and_nothing_from_outside(self, analysis):
        page = analysis._repr_html_()
        assert "<script" not in page
        assert "http" not in page
        wheel = f'onwheel="{html.escape(_WHEEL)}"'  # our own, with nothing of the network's in it
        assert page.count(wheel) == 2
        assert not re.search(r"\bon\w+=", page.replace(wheel, ""))

    def test_same_bytes_every_time(self, analysis):
        assert analysis._repr_html_() == analysis._repr_html_()

    def test_boxes_scroll_by_keyboard(self, page):
        regions = [dict(attributes) for tag, attributes in page.tags if dict(attributes).get("role") == "region"]
        assert len(regions) == 2
        for region in regions:
            assert region["tabindex"] == "0"
            assert region["aria-label"]
            assert region["data-lm-suppress-shortcuts"] == "true"

    def test_what_an_untrusted_notebook_keeps(self, page):
        # JupyterLab's sanitiser strips all other tags, <svg> and <style> among them.
        kept = {"div", "p", "b", "span", "img", "table", "thead", "tr", "th", "td", "br", "wbr"}
        assert {tag for tag, _ in page.tags} <= kept


@pytest.fixture(scope="module")
def network():
    return MADE["squeezenet"]()


class TestSqueezeNet:
    def test_size(self, network):
        assert len(network._repr_html_()) < 60_000

    def test_two_copies_show_the_same(self, network):
        assert analyze(squeezenet())._repr_html_() == network._repr_html_()

    def test_words(self, network):
        text = Page(network._repr_html_()).text
        totals = "68 layers, 1,235,496 parameters, 387,747,520 multiplications for one picture, no flags"
        assert f"squeezenet: {totals}" in text
        assert "64 filters 3x3, stride 2, no paddingweights 3x3x3x64, bias 641,79222,064,8325.7 %" in text

    def test_description(self, network):
        assert Page(network._repr_html_()).image["alt"] == (
            "Graph of squeezenet: 68 layers from picture at the top to prob at the bottom. "
            "It branches in 8 places, with up to 2 layers side by side."
        )

    def test_bars_are_the_shares_of_the_work(self, network):
        groups = Page(network._repr_html_()).svg.iter(SVG + "g")
        bars = {}
        for group in groups:
            found = [path.get("d") for path in group.iter(SVG + "path")]
            bars[group.find(SVG + "text").text] = int(found[0].partition("h")[2]) if found else 0
        largest = network["share of the work"].max()
        for _, row in network.iterrows():
            assert bars[row["layer"]] == pytest.approx(164 * row["share of the work"] / largest, abs=0.5)

    def test_text(self, network):
        lines = repr(network).splitlines()
        assert lines[0].startswith("squeezenet: 68 layers, 1,235,496 parameters")
        assert len(lines) == 2 + 1 + 68
        first = ["2", "conv1", "Conv2D", "113x113x64", "1,792", "22,064,832", "5.7", "%", "3x3", "2"]
        assert lines[5].split() == first
        assert max(map(len, lines)) < 120


def test_it_is_the_table_of_the_technique():
    model = inception()
    analysis = analyze(model)
    pd.testing.assert_frame_equal(pd.DataFrame(analysis), architecture(model))
    assert type(analysis[analysis["parameters"] > 0]) is pd.DataFrame
    assert type(analysis.head()) is pd.DataFrame


def test_flags_come_first_and_alike_ones_together():
    x = keras.Input((8, 8, 3))
    y = x
    for i in range(8):
        y = L.ReLU()(L.BatchNormalization()(L.Conv2D(4, 1, name=f"c{i}")(y)))
    analysis = analyze(keras.Model(x, y))
    note = "Note: its bias does nothing in training"
    text = Page(analysis._repr_html_()).text
    assert text.index("Nothing scales the picture before c0") < text.index(note)
    assert text.count(note) == 1
    assert f"c0, c1, c2, c3, c4, c5 and 2 more: {note}" in text
    assert f"c0, c1, c2, c3, c4, c5 and 2 more: {note}" in repr(analysis)


def test_unknown_sizes_are_question_marks():
    lines = repr(analyze(sequential())).splitlines()
    assert lines[0] == "sequential: 3 layers, 112 parameters, multiplications not known, no flags"
    assert lines[-1].split() == ["2", "conv2d", "Conv2D", "?x?x4", "112", "?"]


def test_what_layers_see():
    picture = keras.Input((16, 16, 3))
    x = L.Conv2D(4, (3, 5), (1, 2), name="conv")(L.Rescaling(1 / 255)(picture))
    analysis = analyze(keras.Model(picture, L.Flatten(name="flat")(x)))
    ends = [line.split()[-2:] for line in repr(analysis).splitlines()[-2:]]
    assert ends == [["3x5", "1x2"], ["most", "0"]]
    text = Page(analysis._repr_html_()).text
    assert "3x5stride 1x2" in text
    assert "16x15 at moststride 0" in text


def test_what_is_known_is_said_to_be_the_least():
    picture = keras.Input((None, None, 3))
    x = L.Conv2D(4, 3)(L.Rescaling(1 / 255)(picture))
    text = repr(analyze(keras.Model(picture, L.Dense(5)(L.GlobalMaxPooling2D()(x)))))
    assert "at least 20 multiplications for one picture (1 layer not counted)" in text


def test_names_are_escaped():
    model = keras.Sequential([keras.Input((8, 8, 3)), L.Conv2D(4, 3, name="<b>&'\"")], name="<i>&")
    page = Page(analyze(model)._repr_html_())
    assert list(boxes(page))[1] == "<b>&'\""
    assert "<b>&'\"" in page.text
    assert "<i>&: 2 layers" in page.text
    assert page.svg.find(SVG + "title").text == "Graph of <i>&"


def test_long_names_are_cut_to_their_box():
    model = keras.Sequential([keras.Input((8, 8, 3)), L.Conv2D(4, 3, name="a_layer_with_a_name_of_forty_characters_")])
    page = Page(analyze(model)._repr_html_())
    assert "…th_a_name_of_forty_characters_"[-22:] in "".join(page.svg.itertext())
    assert max(len(text.text) for text in page.svg.iter(SVG + "text")) <= 31


def test_no_model():
    with pytest.raises(TypeError, match="Expected a Keras model, not str"):
        analyze("squeezenet")
