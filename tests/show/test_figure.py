import html
import re

import nbformat
import numpy as np
import pytest
from nbclient import NotebookClient

from coursekit import show


def test_needs_an_alt_text():
    with pytest.raises(ValueError, match="alt text"):
        show.figure(" ")


def test_alt_text_stands_in_the_image_escaped():
    fig = show.figure('A "line" that rises < 3')
    fig.subplots().plot([1, 2])
    (alt,) = re.findall(r'<img alt="([^"]*)"', fig.to_html())
    assert html.unescape(alt) == 'A "line" that rises < 3'


def test_shows_itself_once_as_html_with_the_numbers_drawn():
    source = """
import matplotlib.pyplot  # sets up the inline backend, which would add a PNG of its own
from coursekit import show
fig = show.figure("two points")
fig.subplots().plot([1.0, 3.0])
fig
"""
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(source)])
    NotebookClient(notebook, kernel_name="python3", startup_timeout=300).execute()
    (shown,) = notebook.cells[0].outputs
    assert set(shown["data"]) == {"text/html", "text/plain", show.DRAWN}
    assert shown["data"]["text/plain"] == "Figure: two points"
    assert shown["data"][show.DRAWN] == [
        "line x 2: mean 0.5, deviation 0.5, tilt 0.5",
        "line y 2: mean 2, deviation 1, tilt 1",
    ]


def test_drawn_tells_pictures_apart():
    first, second = (show.pictures(np.full((4, 4, 3), value, np.uint8)) for value in (10, 20))
    assert first.drawn() == ["image 4x4x3: mean 10, deviation 0, tilt 0 0 0"]
    assert second.drawn() != first.drawn()


def test_drawn_tells_a_mirrored_and_a_turned_picture_from_the_first():
    picture = np.random.default_rng(0).integers(0, 256, (6, 6, 3), np.uint8)
    versions = [picture, picture[::-1], picture[:, ::-1], picture[:, :, ::-1], np.rot90(picture)]
    assert len({str(show.pictures(version).drawn()) for version in versions}) == 5


def test_drawn_by_hand():
    # tilt down the rows: (-1 - 2 + 4 + 9) / 4, and along the columns: (-1 + 2 - 4 + 9) / 4
    fig = show.figure("two by two")
    fig.subplots().imshow(np.array([[1.0, 2.0], [4.0, 9.0]]))
    assert fig.drawn() == ["image 2x2: mean 4, deviation 3.0822, tilt 2.5 1.5"]


def test_drawn_holds_the_words_in_a_figure():
    fig = show.figure("a line")
    ax = fig.subplots()
    ax.plot([0, 1], [2, 3], label="zebra")
    ax.set(title="scores", xlabel="steps", ylabel="score")
    ax.text(0, 2, "here")
    ax.legend()
    assert [line for line in fig.drawn() if line.startswith("text ")] == [
        "text scores", "text steps", "text score", "text here", "text zebra",
    ]  # fmt: skip


def test_drawn_of_nothing_but_nan_is_said():
    fig = show.figure("nothing")
    fig.subplots().imshow(np.full((2, 2), np.nan))
    assert fig.drawn() == ["image 2x2: empty"]
