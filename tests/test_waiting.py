"""The bar of what takes long: where it is seen, and what it leaves behind."""

import re

import nbformat
import pytest
from nbclient import NotebookClient

from coursekit import progress_bar

SLOW = """
import time
from coursekit import progress_bar
for _ in progress_bar(range(3), delay=0, desc="Training", unit="epoch"):
    time.sleep(0.2)
"""
NESTED = """
import time
from coursekit import progress_bar
for _ in progress_bar(range(2), delay=0, desc="outer"):
    for _ in progress_bar(range(2), delay=0, desc="inner"):
        time.sleep(0.2)
"""
QUICK = "from coursekit import progress_bar\nlist(progress_bar(range(3)))"


class Watched(NotebookClient):
    """Runs a notebook and keeps everything that was shown on the way."""

    def process_message(self, message, cell, cell_index):
        content = message["content"]
        if "data" in content and "transient" in content:
            self.seen.append(content["data"].get("text/html"))
        return super().process_message(message, cell, cell_index)


def run(source, monkeypatch):
    """Return what a cell had shown while it ran, and the outputs that it keeps."""
    monkeypatch.delenv("TQDM_DISABLE", raising=False)
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(source)])
    client = Watched(notebook, kernel_name="python3", timeout=300, startup_timeout=300, store_widget_state=True)
    client.seen = []
    client.execute()
    return client.seen, notebook.cells[0].outputs, notebook.metadata


def test_in_a_notebook_it_counts_and_leaves_nothing_to_see(monkeypatch):
    seen, outputs, metadata = run(SLOW, monkeypatch)
    assert "Training" in seen[0]
    assert any(re.search("2(/| of )3", page) for page in seen)
    assert seen[-1] == ""
    [output] = outputs
    assert dict(output.data) == {"text/html": "", "text/plain": ""}  # no widget's view, which would be dead next day
    assert "widgets" not in metadata


def test_a_bar_inside_of_a_bar_has_a_line_of_its_own(monkeypatch):
    seen, outputs, _ = run(NESTED, monkeypatch)
    assert all(("outer" in page) != ("inner" in page) for page in seen if page)
    assert [output.data["text/html"] for output in outputs] == [""] * 3  # outer, and inner twice


def test_what_is_quick_shows_nothing(monkeypatch):
    seen, outputs, _ = run(QUICK, monkeypatch)
    assert not [page for page in seen if page]
    assert [output.output_type for output in outputs] == ["execute_result"]


@pytest.mark.parametrize(("disable", "said"), [("1", False), ("0", True), ("", True)])
def test_in_a_terminal_it_writes_to_stderr(monkeypatch, capsys, disable, said):
    monkeypatch.setenv("TQDM_DISABLE", disable)
    assert list(progress_bar(range(3), delay=0, desc="Reading")) == [0, 1, 2]
    out, err = capsys.readouterr()
    assert (out, "Reading" in err) == ("", said)


def test_none_where_it_is_not_wanted(monkeypatch, capsys):
    monkeypatch.delenv("TQDM_DISABLE", raising=False)
    list(progress_bar(range(3), show=False, delay=0))
    assert capsys.readouterr().err == ""
