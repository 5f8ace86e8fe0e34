"""All the pictures in a folder."""

from __future__ import annotations

import os
import warnings
from pathlib import Path

import numpy as np

from coursekit.pictures.reading import read_picture
from coursekit.pictures.resizing import as_size, resize
from coursekit.waiting import progress_bar

MOST_NAMED = 5
"""How many unreadable files a warning or an error names."""


def folder(path: str | os.PathLike, size: int | tuple[int, int] = 227) -> tuple[np.ndarray, list[str]]:
    """Return the learner's own pictures: every picture in a folder and in the folders inside it.

    Folders may be links. Hidden files are left out. A file that cannot be read as a picture is left out too, and one
    warning names all of them. Interrupted, it returns the pictures it has read so far.

    Args:
        path: The folder.
        size: The height and width in pixels to bring each picture to, one number for a square.

    Returns:
        The pictures, (N, height, width, 3) uint8, RGB, sorted by name, and their N names, as in ``"cats/tom.jpg"``.

    Raises:
        FileNotFoundError: There is no such folder.
        NotADirectoryError: It is a file, not a folder.
        ValueError: There is no picture in it.

    Examples:
        >>> from coursekit import folder, photo
        >>> from PIL import Image
        >>> Image.fromarray(photo("chelsea")).save("cat.png")
        >>> images, names = folder(".")
        >>> images.shape, names
        ((1, 227, 227, 3), ['cat.png'])
    """
    height, width = as_size(size)
    files = _files(Path(os.path.expanduser(path)))

    images = np.empty((len(files), height, width, 3), np.uint8)
    names, unread, stopped = [], [], False
    try:
        for name, file in progress_bar(files.items(), desc="Reading pictures", unit="picture"):
            try:
                images[len(names)] = resize(read_picture(file, name), (height, width))
            except (ValueError, OSError) as error:
                unread.append(str(error))
            else:
                names.append(name)
    except KeyboardInterrupt:
        if not names:
            raise
        stopped = True

    reasons = " ".join(unread[:MOST_NAMED]) + (f" And {len(unread) - MOST_NAMED} more." * (len(unread) > MOST_NAMED))
    if not names:
        raise ValueError(f"There is no picture in {path}. {reasons}")
    remarks = []
    if stopped:
        remarks.append(f"Interrupted: {len(names)} of {len(files)} files were read.")
    if unread:
        remarks.append(f"{len(unread)} of {len(files)} files in {path} were left out. {reasons}")
    if remarks:
        warnings.warn(" ".join(remarks), stacklevel=2)
    return images[: len(names)], names


def _files(top: Path) -> dict[str, Path]:
    """Return the files in a folder that are not hidden, by name."""
    if top.is_file():
        raise NotADirectoryError(f"{top} is a file, not a folder; photo({str(top)!r}) reads one picture.")
    if not top.is_dir():
        raise FileNotFoundError(f"There is no folder {top}.")
    files, walked = {}, {top.resolve()}
    for place, folders, names in os.walk(top, followlinks=True):
        new = {name: Path(place, name).resolve() for name in folders if not name.startswith(".")}
        folders[:] = [name for name, real in new.items() if real not in walked]  # a link may lead back up
        walked.update(new.values())
        for name in names:
            if not name.startswith("."):
                file = Path(place, name)
                files[file.relative_to(top).as_posix()] = file
    if not files:
        raise ValueError(f"The folder {top} is empty. Put pictures in it first.")
    return dict(sorted(files.items()))
