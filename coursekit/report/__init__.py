"""A page about a network and what it does with pictures, for others to read."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach(__name__, submod_attrs={"writing": ["Interrupted", "write_report"]})
