"""What a lesson asks of its reader, and what an instructor does with the answers."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach(
    __name__,
    submod_attrs={
        "checking": ["check", "hint", "solution"],
        "exercises": ["given"],
        "grading": ["grade"],
        "release": ["release"],
        "questions": ["predict", "quiz"],
    },
)
