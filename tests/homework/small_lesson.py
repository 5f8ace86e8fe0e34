"""Lesson 01 in small: the form of the real notebook, its exercises, and next to nothing else."""

from pathlib import Path

import nbformat
from nbformat import NotebookNode
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, new_output

# TensorFlow is loaded by the one answer that needs it, which takes a grader seconds.
LOADING = """\
from coursekit import activations, photo, squeezenet
net = squeezenet()
"""
STRONGEST = f"""\
# exercise 01.strongest-channel
case = given("01.strongest-channel", variation)
### BEGIN SOLUTION
{LOADING}layer = activations(net, photo(case["picture"], size=227), case["layer"])
strongest = int(layer.max(axis=(0, 1)).argmax())
### END SOLUTION"""
BY_HAND = '''\
# exercise 01.by-hand
def by_hand(patch, kernel, bias):
    """Compute one point of every channel."""
    ### BEGIN SOLUTION
    values = (patch[..., np.newaxis] * kernel).sum(axis=(0, 1, 2)) + bias
    return np.maximum(values, 0)
    ### END SOLUTION'''
ONE_SCALE = """\
# exercise 01.one-scale
def one_scale(layer):
    ### BEGIN SOLUTION
    return (layer - layer.min()) / (layer.max() - layer.min())
    ### END SOLUTION"""
EVIDENCE = """\
<!-- exercise 01.evidence -->
**What would convince you?**

<!-- BEGIN SOLUTION -->
Cover the mouth in many photos, and cheeks as a control.
<!-- END SOLUTION -->"""


def small_lesson() -> NotebookNode:
    """Return the notebook, with an output below every cell."""
    sources = {
        "title": "# 1 · In small",
        "imports": "import numpy as np\nfrom coursekit import check, given",
        "net": "net = None",
        "variation": "variation = None",
        "ask-strongest": "## The channel that answers most",
        "strongest": STRONGEST,
        "check-strongest": 'check("01.strongest-channel", variation=variation)',
        "by-hand": BY_HAND,
        "check-by-hand": 'check("01.by-hand")',
        "one-scale": ONE_SCALE,
        "check-one-scale": 'check("01.one-scale")',
        "evidence": EVIDENCE,
    }
    cells = []
    for name, source in sources.items():
        if (source.startswith(("#", "<")) and "exercise 01" not in source) or name == "evidence":
            cells.append(new_markdown_cell(source, id=name))
        else:
            output = new_output("stream", name="stdout", text=f"printed by {name}")
            cells.append(new_code_cell(source, id=name, outputs=[output], execution_count=1))
    notebook = new_notebook(cells=cells)
    notebook.metadata["kernelspec"] = {"name": "python3", "display_name": "Python 3", "language": "python"}
    notebook.nbformat_minor = 5
    return notebook


def cell(notebook: NotebookNode, name: str) -> NotebookNode:
    """Return the cell of an id."""
    return next(cell for cell in notebook.cells if cell["id"] == name)


def write_small_lesson(folder: Path) -> Path:
    """Make a folder of lessons that holds this one; return the folder."""
    folder.mkdir()
    nbformat.write(small_lesson(), folder / "01_small.ipynb")
    return folder
