"""Where the lessons open without an installation: the addresses of Binder, Colab and Codespaces.

    .venv/bin/python tools/addresses.py    # prints them

They are made from the address of the repository, which stands in pyproject.toml under [project.urls], as Repository. As
long as it does not, it is that of the repository in which GitHub Actions runs; elsewhere there are no addresses then,
and a page shows no link.
"""

import os
import re
import sys
import tomllib
from pathlib import Path
from urllib.parse import quote

PROJECT = Path(__file__).parents[1] / "pyproject.toml"
MISSING = """\
pyproject.toml does not say yet where the repository is. Add these two lines to it:
[project.urls]
Repository = "https://github.com/OWNER/NAME\""""

BRANCH = "main"
COLAB_BRANCH = "colab"  # tools/colab.py writes what is on it, .github/workflows/colab.yml pushes it
FOLDER = "my-lessons"  # where .binder/postBuild copies the lessons to
START = "start.md"


def repository(project: Path = PROJECT) -> str | None:
    """Return the address of the repository, such as https://github.com/OWNER/NAME; None if it is not known.

    Raises:
        ValueError: It is not on GitHub: then Colab and Codespaces cannot open it.
    """
    address = tomllib.loads(project.read_text(encoding="utf-8"))["project"].get("urls", {}).get("Repository")
    if address is None and "GITHUB_REPOSITORY" in os.environ:
        address = f"{os.environ.get('GITHUB_SERVER_URL')}/{os.environ['GITHUB_REPOSITORY']}"
    if address is not None and not re.fullmatch(r"https://github\.com/[\w.-]+/[\w.-]+", address):
        raise ValueError(
            f"The repository ({project.name}, Repository) must be https://github.com/OWNER/NAME, not {address}."
        )
    return address


def binder(lesson: str = START, project: Path = PROJECT) -> str | None:
    """Return the address that opens a lesson in Binder, or None.

    Args:
        lesson: Its file, such as ``"01_intermediate_activations.ipynb"``; by default the start page.
        project: The pyproject.toml to read.
    """
    name = _name(project)
    inside = quote(f"lab/tree/{FOLDER}/{lesson}", safe="")
    return name and f"https://mybinder.org/v2/gh/{name}/{BRANCH}?urlpath={inside}"


def colab(lesson: str, project: Path = PROJECT) -> str | None:
    """Return the address that opens a lesson's copy for Colab, or None; ``lesson`` is its file."""
    name = _name(project)
    return name and f"https://colab.research.google.com/github/{name}/blob/{COLAB_BRANCH}/{quote(lesson)}"


def codespaces(project: Path = PROJECT) -> str | None:
    """Return the address that makes a codespace of the repository, or None."""
    name = _name(project)
    return name and f"https://codespaces.new/{name}"


def _name(project: Path) -> str | None:
    address = repository(project)
    return address and address.removeprefix("https://github.com/")


def main() -> int:
    """Print the addresses; return 1 if there are none."""
    if repository() is None:
        print(MISSING, file=sys.stderr)
        return 1
    print(binder(), codespaces(), sep="\n")
    for lesson in sorted((PROJECT.parent / "notebooks").glob("*.ipynb")):
        print(binder(lesson.name), colab(lesson.name), sep="\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
