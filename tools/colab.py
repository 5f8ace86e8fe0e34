"""Write copies of the lessons for Google Colab: as learners get them, with a first cell that installs the course.

    python tools/colab.py --to FOLDER --repository https://github.com/OWNER/NAME --commit SHA

Colab opens a notebook from a branch of a repository and shows every cell to everybody. The cell that only Colab needs
therefore stands in copies, on a branch of their own, and not in the lessons. .github/workflows/colab.yml writes them.
"""

import argparse
import re
import sys
import tomllib
from pathlib import Path

import nbformat
from packaging.requirements import Requirement

from coursekit import distribution
from coursekit.cli.lab import for_learners
from coursekit.exercises.notebooks import lessons_folder, to_bytes

PROJECT = tomllib.loads((Path(__file__).parents[1] / "pyproject.toml").read_text(encoding="utf-8"))["project"]
TEXT = """\
**This is a copy for Google Colab.** Run the next cell first. It installs the course, which takes some minutes, and if
Colab then offers to restart the session, accept. What you do is gone when Colab ends the session, except this notebook,
if you save a copy of it in Drive."""
CODE = """\
%pip install --quiet "{course}" "{tensorflow}"
from google.colab import output
output.enable_custom_widget_manager()"""


def copy_for_colab(content: bytes, number: str, repository: str, commit: str) -> bytes:
    """Return a lesson's notebook for Colab.

    Args:
        content: The lesson's file.
        number: The lesson, such as ``"01"``.
        repository: Where the course is installed from: the same commit, so that lesson and package fit together.
        commit: Its 40 digits.
    """
    notebook = nbformat.reads(for_learners(content, number).decode(), as_version=4)
    course = f"{distribution.NAME} @ git+{repository}@{commit}"
    code = CODE.format(course=course, tensorflow=tensorflow())
    notebook.cells[:0] = [
        nbformat.v4.new_markdown_cell(TEXT, id="colab"),
        nbformat.v4.new_code_cell(code, id="colab-install"),
    ]
    nbformat.validate(notebook)
    return to_bytes(notebook)


def tensorflow() -> str:
    """Return the versions of TensorFlow that the course runs with. Colab's own stays if it is one of them."""
    [line] = PROJECT["optional-dependencies"]["gpu"]
    return f"tensorflow{Requirement(line).specifier}"


def main() -> int:
    """Write the copies; return 0."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--to", metavar="FOLDER", type=Path, required=True)
    parser.add_argument("--repository", required=True)
    parser.add_argument("--commit", required=True)
    args = parser.parse_args()
    if not re.fullmatch("[0-9a-f]{40}", args.commit):
        parser.error(f"--commit must be the 40 digits of a commit, not {args.commit}.")
    args.to.mkdir(parents=True, exist_ok=True)
    for lesson in sorted(lessons_folder().glob("*.ipynb")):
        content = copy_for_colab(lesson.read_bytes(), lesson.name[:2], args.repository, args.commit)
        (args.to / lesson.name).write_bytes(content)
        print(lesson.name)
    return 0


if __name__ == "__main__":
    sys.exit(main())
