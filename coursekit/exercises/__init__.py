"""What the lessons ask: the exercises, their cases, the comparison of answers, and the marks in notebooks."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach(__name__, submod_attrs={"cases": ["given"]})
