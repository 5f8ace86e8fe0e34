"""Keras on TensorFlow, imported without its start-up noise: ``from coursekit.networks.backend import keras, tf``."""

import os
import re
import sys
import tempfile
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager

from coursekit import distribution

# Lines that TensorFlow's C++ side writes at every start. They go to file descriptor 2, past Python's logging, and
# some of them before any log level is read. Everything else that is written during the import is passed on.
_NOISE = re.compile(
    r"^(\d{4}-\d\d-\d\d [\d:.]+: )?[IW]\d{0,4}.*(tensorflow|tsl|xla|cuda|absl|oneDNN|computation_placer)"
    r"|^WARNING: All log messages before absl::InitializeLog"
    r"|^To enable the following instructions"
    r"|oneDNN custom operations are on"
)


@contextmanager
def _without_noise() -> Iterator[None]:
    """Hold back what is written to file descriptor 2, then write on what is not known noise."""
    try:
        stderr = os.dup(2)
    except OSError:  # closed
        stderr = None
    if stderr is None or sys.stderr is None:  # no stderr at all, as under pythonw
        yield
        return
    with tempfile.TemporaryFile() as held:
        sys.stderr.flush()
        os.dup2(held.fileno(), 2)
        try:
            yield
        finally:
            sys.stderr.flush()
            os.dup2(stderr, 2)
            os.close(stderr)
            held.seek(0)
            for line in held.read().decode(errors="replace").splitlines():
                if not _NOISE.search(line):
                    print(line, file=sys.stderr)


def _check_backend(name: str) -> None:
    if name != "tensorflow":
        raise ImportError(
            f"Keras runs on {name!r} here, but this course needs TensorFlow. "
            "Set the environment variable KERAS_BACKEND=tensorflow before Python starts."
        )


os.environ.setdefault("KERAS_BACKEND", "tensorflow")
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
_check_backend(os.environ["KERAS_BACKEND"])
with _without_noise():
    try:
        import tensorflow as tf
    except ImportError as error:
        if (error.name or "tensorflow").partition(".")[0] != "tensorflow":  # something that TensorFlow needs
            raise
        raise ImportError(
            f"TensorFlow is missing. Install it with: {distribution.install('cpu')} (or with gpu for cpu)."
        ) from error
    import keras

    # The first look for devices writes too: have it now.
    tf.config.list_logical_devices()

# With oneDNN (on processors with AVX-512) TensorFlow 2.21 computes a convolution, an Add and a LeakyReLU as one, and
# takes 0.2 for every slope, in `predict` too. Without this rewriting it is right, and as fast (SqueezeNet, ResNet50).
tf.config.optimizer.set_experimental_options({"remapping": False})

_check_backend(keras.backend.backend())  # it may have been imported before, with another one


def below_the_root() -> AbstractContextManager:
    """Return a context in which a layer of any name can be called alone in a graph.

    A layer opens a scope of its name, and at the root TensorFlow takes none that begins with "_" or "-". Keras' own
    calls stand below the scope of a model; and it gives such names by itself: a ``_Block`` becomes ``__block``.
    """
    return tf.name_scope("network")


__all__ = ["below_the_root", "keras", "tf"]
