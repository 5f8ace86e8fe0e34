"""What is looked at: the pictures of the course and the learner's own, as uint8 arrays with values 0-255."""

from coursekit.pictures.folders import folder
from coursekit.pictures.handling import blur, resave, shift
from coursekit.pictures.outlines import object_masks
from coursekit.pictures.paintings import painting
from coursekit.pictures.reading import read_picture
from coursekit.pictures.resizing import resize
from coursekit.pictures.shipped import digits, photo, photos

__all__ = [
    "blur",
    "digits",
    "folder",
    "object_masks",
    "painting",
    "photo",
    "photos",
    "read_picture",
    "resave",
    "resize",
    "shift",
]
