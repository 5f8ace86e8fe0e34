"""The photos in the web book's explorers: told from others to the pixel, and free. What else goes out is listed."""

from pathlib import Path

import nbformat
import numpy as np

from coursekit import photo, photos
from coursekit.pictures import resize
from coursekit.pictures.book import BOOK_PHOTOS, book_photo, name_in_book
from coursekit.widgets.page_state import PAGE


def test_the_lessons_face_is_known():
    face = resize(photo("astronaut")[20:240, 120:340], 227)  # as the lessons cut it out
    assert name_in_book(face) == "face"
    assert np.array_equal(book_photo("face", (227, 227)), face)
    assert name_in_book(photo("chelsea", 227)) == "chelsea"
    other = face.copy()
    other[100, 100, 0] ^= 1
    assert name_in_book(other) is None


def test_the_explorers_own_photos_are_free():
    assert {whole for whole, _ in BOOK_PHOTOS.values()} <= {"astronaut", "chelsea", "coffee"}
    assert name_in_book(photos(227)[0][15]) is None


def test_which_outputs_carry_pictures_is_listed():
    """data/PROVENANCE.md names these three, and whose the pictures are."""
    carry = {}
    for path in (Path(__file__).parents[2] / "notebooks").glob("*.ipynb"):
        for cell in nbformat.read(path, 4).cells:
            for output in cell.get("outputs", []):
                if PAGE in output.get("data", {}):
                    carry[path.name[:2]] = output.metadata["coursekit"]["kind"]
    assert carry == {"03": "EmbeddingExplorer", "04": "UnitCard", "13": "EmbeddingExplorer"}
