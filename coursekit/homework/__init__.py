"""For instructors: a lesson as an assignment, and the grades of what was handed in."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach(
    __name__,
    submod_attrs={"grading": ["grade"], "release": ["release"]},
)
