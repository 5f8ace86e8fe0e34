"""A course of two small lessons."""

from pathlib import Path

import nbformat
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, new_output

FIRST, SECOND = "01_edges.ipynb", "02_textures.ipynb"


def write_lesson(path: Path, *sources: str, outputs: str = "first run") -> None:
    """Write a notebook with a title and one executed code cell for each source."""
    cells = [new_markdown_cell(f"# {path.stem}", id="title")]
    for i, source in enumerate(sources):
        output = new_output("stream", name="stdout", text=outputs)
        cells.append(new_code_cell(source, id=f"cell-{i}", execution_count=i + 1, outputs=[output]))
    nbformat.write(new_notebook(cells=cells), path)
