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
    NotebookClient(notebook, kernel_name="python3").execute()
    (shown,) = notebook.cells[0].outputs
    assert set(shown["data"]) == {"text/html", "text/plain", show.DRAWN}
    assert shown["data"]["text/plain"] == "Figure: two points"
    assert shown["data"][show.DRAWN] == ["line mean 2, deviation 1"]


def test_drawn_tells_pictures_apart():
    first, second = (show.pictures(np.full((4, 4, 3), value, np.uint8)) for value in (10, 20))
    assert first.drawn() == ["image (4, 4, 3) mean 10, deviation 0"]
    assert second.drawn() != first.drawn()
