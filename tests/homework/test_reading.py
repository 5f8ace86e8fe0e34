"""Reading apart: the same cells as in this process, and an end, whatever is in the file."""

import json
import subprocess
import sys

import pytest

from coursekit.exercises.catalogue import find
from coursekit.exercises.refused import RefusedError
from coursekit.homework import submissions
from tests.homework.handed_in import HERE, notebook


def _cells(text):
    return submissions.read_apart(json.dumps(notebook(text)).encode())


@pytest.mark.parametrize("name", ["honest/magics_and_figures", "honest/perfect", "hostile/null_byte_in_a_cell"])
def test_it_reads_the_same_cells(name):
    content = json.dumps(notebook((HERE / f"{name}.cells").read_text())).encode()
    assert submissions.read_apart(content) == submissions.read_cells(content)


def test_outputs_are_those_of_the_safe_copy():
    table = notebook("# %%\n'\ud800'")
    table["cells"][0]["outputs"] = [{"output_type": "stream", "text": ["a", "b"]}, 7, {"data": {"text/html": "<b>"}}]
    content = json.dumps(table).encode()
    (cell,) = submissions.read_apart(content)
    assert cell.outputs == ({"output_type": "stream", "name": "stdout", "text": "ab"},)
    assert submissions.safe_copy([cell]) == submissions.safe_copy(submissions.read_cells(content))


@pytest.mark.parametrize("content", [b"", b"[" * 100_000, b'{"nbformat": 3, "worksheets": 7}'])
def test_it_refuses_the_same(content):
    with pytest.raises(RefusedError) as here:
        submissions.read_cells(content)
    with pytest.raises(RefusedError) as apart:
        submissions.read_apart(content)
    assert str(apart.value) == str(here.value)


def test_it_has_an_end():
    with pytest.raises(RefusedError, match=r"could not be read within 0\.001 seconds"):
        submissions.read_apart(b"{}", seconds=0.001)


@pytest.mark.skipif(sys.platform != "linux", reason="Limits of the processor's time are Linux's.")
def test_the_processor_s_time_has_an_end():
    cell = {"cell_type": "code", "input": "1", "outputs": [], "metadata": {}, "language": "python"}
    old = {"nbformat": 3, "nbformat_minor": 0, "metadata": {}, "worksheets": [{"cells": [cell] * 200_000}]}
    with pytest.raises(RefusedError, match=r"could not be read within 1 seconds"):
        submissions.read_apart(json.dumps(old).encode(), seconds=1)


@pytest.mark.skipif(sys.platform != "linux", reason="Limits of memory are Linux's.")
def test_memory_has_an_end():
    with pytest.raises(RefusedError, match=r"not JSON|memory"):
        submissions.read_apart(b'{"nbformat": 4, "cells": [' + b"[[]]," * 9_900_000 + b"[]]}", seconds=120)


def test_a_large_notebook_is_read():
    table = notebook("# %%\n'\U0001f600'")
    picture = "iVBORw0KGgo=" * 800_000  # a PNG by its first bytes
    output = {"output_type": "display_data", "data": {"image/png": picture, "text/plain": "\U0001f600"}}
    table["cells"][0]["outputs"] = [output] * 5  # 48 MB, and wide characters
    (cell,) = submissions.read_apart(json.dumps(table, ensure_ascii=False).encode(), seconds=120)
    assert len(cell.outputs) == 5


def test_too_much_text_is_refused():
    with pytest.raises(RefusedError, match=r"There are 3\.0 million characters"):
        _cells("# %%\n" + "#\n" * 1_500_001)


def test_it_starts_without_numpy():
    code = "import sys, coursekit.homework.submissions.reader; print('numpy' in sys.modules, 'json' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "False True\n"


WAYS = (
    "by_hand, other = 1, 2",
    "by_hand: int = 1",
    "if True:\n    def by_hand(patch, kernel, bias):\n        return 1",
    "try:\n    by_hand = 1\nexcept ValueError:\n    pass",
    "from x import by_hand",
    "print(by_hand := 1)",
    "!echo hello\nif True:\n    %matplotlib inline\nby_hand = 1",
)
NO_WAYS = (
    "by_hand: int",
    "def other():\n    by_hand = 1",
    "[by_hand for by_hand in range(3)]",
    "%%bash\nby_hand = 1",
    "print(by_hand)",
)


def test_a_finished_answer_beside_a_stub_counts():
    start = "# exercise 01.by-hand\n"
    stub = "# YOUR CODE HERE\n    raise NotImplementedError()"
    bare = f"{start}def by_hand(patch, kernel, bias):\n    '''Say what it does.'''\n    {stub}"
    kept = f"{start}# YOUR CODE HERE\npass\ndef by_hand(patch, kernel, bias):\n    return 1"
    for cells, places in (
        ((kept, bare), [0]),
        ((bare, kept), [1]),
        ((bare, bare), [0, 1]),
        ((f"{kept}\n(", bare), [0, 1]),
        *(((f"%%time\n{start}# YOUR CODE HERE\npass\n{way}", bare), [0]) for way in WAYS),
        *(((f"{start}# YOUR CODE HERE\npass\n{way}", bare), [0, 1]) for way in NO_WAYS),
    ):
        read = submissions.read_apart(json.dumps(notebook("".join(f"# %%\n{c}\n" for c in cells))).encode())
        assert submissions.answers_to(read, find("01.by-hand")) == places


def test_text_below_the_cell_is_read():
    """Up to the lesson's next cell: a person sees all of it, code too."""
    text = "# %% [markdown]\n<!-- exercise 01.evidence -->\n*Your answer here*\n{}# %%\n1\n# %% [markdown]\nmore"
    own = frozenset({"## The lesson's own", "theirs()"})
    for between, found in (
        ("# %% [markdown]\nI think so.\n# %% [markdown]\nAnd so.\n", "I think so.\n\nAnd so.\n\n1\n\nmore"),
        ("# %%\n# I think so.\n# %%\n'And so.'\n# %%\ntheirs()\n", "# I think so.\n\n'And so.'"),
        ("# %%\nI think so, in words.\n# %%\nanswer = 3\n", "I think so, in words.\n\nanswer = 3\n\n1\n\nmore"),
        ("# %%\n%%markdown\nI think so.\n# %%\ntheirs()\n", "%%markdown\nI think so."),
        ("# %% [markdown]\n## The lesson's own\n# %% [markdown]\nno\n", ""),
        ("# %% [markdown]\n## The lesson's own\n\nI think so.\n# %% [markdown]\nno\n", "I think so."),
        ("# %% [markdown]\n<!-- exercise 01.other -->\nno\n", ""),
        ("# %%\ntheirs()\n", ""),
    ):
        assert submissions.beside(_cells(text.format(between)), 0, own) == found
