"""Run the lessons from start to end and keep what they show: ``python tools/run_notebooks.py [notebook ...]``.

The notebooks are committed executed. This runs them in a fresh kernel and writes them back without anything that
differs from machine to machine: no timestamps, no widget state. A live explorer's entry is cut too: its still picture
then stands in its place until the reader runs the cell. A lesson that fails, warns or grows too large is not written.
"""

import argparse
import os
import sys
import time
from pathlib import Path

import nbformat
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError
from tqdm.auto import tqdm

FOLDER = Path(__file__).resolve().parents[1] / "notebooks"
MOST_BYTES = 1_500_000
LIVE = "application/vnd.jupyter.widget-view+json"


def run(path: Path) -> str:
    """Run one notebook in place and return a line that says how it went.

    Raises:
        ValueError: A cell wrote to stderr, or the executed notebook is too large. The file is then left as it was.
        CellExecutionError: A cell failed. The file is then left as it was.
    """
    notebook = nbformat.read(path, as_version=4)
    os.environ["TQDM_DISABLE"] = "1"  # the kernel inherits it: a progress bar is no output to keep
    os.environ["COURSEKIT_FOR_BOOK"] = "1"  # explorers keep in their outputs what the book makes them live from
    started = time.perf_counter()
    NotebookClient(
        notebook, timeout=300, kernel_name="python3", resources={"metadata": {"path": str(path.parent)}},
        store_widget_state=False, record_timing=False,
    ).execute()  # fmt: skip
    seconds = time.perf_counter() - started
    for cell in notebook.cells:
        tidy(cell)
    notebook.metadata = {
        "kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"},
        "language_info": {"name": "python"},
    }
    text = nbformat.writes(notebook) + "\n"
    if len(text) > MOST_BYTES:
        raise ValueError(f"{path.name} would be {len(text) / 1e6:.2f} MB; at most {MOST_BYTES / 1e6} MB are wanted.")
    path.write_text(text, encoding="utf-8")
    return f"{path.name}: {seconds:.0f} s, {len(text) / 1e6:.2f} MB"


def tidy(cell: nbformat.NotebookNode) -> None:
    """Cut what differs from run to run out of one cell; join prints that a slow machine delivered in pieces."""
    cell.metadata = {key: value for key, value in cell.metadata.items() if key in ("tags", "coursekit", "nbgrader")}
    if cell.cell_type == "code":
        cell.outputs = _joined(cell.outputs)
    for output in cell.get("outputs", []):
        if output.output_type == "stream" and output.name == "stderr":
            raise ValueError(f"A cell wrote to stderr: {output.text[:300]}")
        output.get("data", {}).pop(LIVE, None)


def _joined(outputs: list[nbformat.NotebookNode]) -> list[nbformat.NotebookNode]:
    joined: list[nbformat.NotebookNode] = []
    for output in outputs:
        if joined and output.output_type == "stream" and output.get("name") == joined[-1].get("name"):
            joined[-1].text += output.text
        else:
            joined.append(output)
    return joined


def main() -> int:
    """Run the notebooks named on the command line, or all."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("notebooks", nargs="*", type=Path, default=sorted(FOLDER.glob("*.ipynb")))
    failed = False
    for path in tqdm(parser.parse_args().notebooks, unit="lesson"):
        try:
            tqdm.write(run(path))
        except (ValueError, CellExecutionError) as error:
            tqdm.write(f"{path.name}: NOT WRITTEN. {error}")
            failed = True
    return int(failed)


if __name__ == "__main__":
    sys.exit(main())
