"""What happens inside a convolutional network: the package behind the lessons.

Everything a lesson needs is here: ``from coursekit import squeezenet, photo, activations``.
Names load on first use (PEP 562), so ``import coursekit`` is instant and starts no TensorFlow. ``__init__.pyi`` lists
them, for editors too.
"""

import lazy_loader

__version__ = "0.1.0"

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
