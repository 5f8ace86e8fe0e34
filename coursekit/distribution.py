"""What pip knows this package by: ``coursekit`` is another project's name there."""

from __future__ import annotations

NAME = "inside-convnet"


def install(extra: str) -> str:
    """Return the command that installs the course with an extra.

    Args:
        extra: A name from ``[project.optional-dependencies]``, such as ``"cpu"``.

    Example:
        >>> install("cpu")
        'pip install "inside-convnet[cpu]"'
    """
    return f'pip install "{NAME}[{extra}]"'
