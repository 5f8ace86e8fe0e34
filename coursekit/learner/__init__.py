"""What a learner calls in a lesson, and the record of how far they have come."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach(
    __name__,
    submod_attrs={"checking": ["check", "hint", "solution"], "questions": ["predict", "quiz"]},
)
