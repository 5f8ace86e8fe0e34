"""Importing TensorFlow, seen from a process of its own: what comes out of it, and what must still come out."""

import os
import subprocess
import sys
import textwrap

import pytest

# In place of TensorFlow, a failure that first writes to file descriptor 2, as TensorFlow's C++ side does.
INSTEAD = """
import os, sys

class Finder:
    def find_spec(self, name, path=None, target=None):
        if name == "tensorflow":
            os.write(2, {text!r})
            print("Python says this", file=sys.stderr)
            raise ImportError("no TensorFlow here")

sys.meta_path.insert(0, Finder())
"""


def run(code, **variables):
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("TF_", "KERAS_BACKEND"))}
    return subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, env={**kept, **variables}, timeout=300
    )


def test_the_import_prints_nothing():
    done = run("from coursekit.networks.backend import keras, tf; print(keras.backend.backend(), tf.add(1, 2).numpy())")
    assert done.stdout == "tensorflow 3\n"
    assert done.stderr == ""
    assert done.returncode == 0


def test_real_messages_come_through_and_noise_does_not():
    text = (
        b"2026-01-01 10:00:00.123456: I tensorflow/core/util/port.cc:153] oneDNN custom operations are on.\n"
        b"WARNING: All log messages before absl::InitializeLog() is called are written to STDERR\n"
        b"I0000 00:00:1795298656.248725   21046 port.cc:153] oneDNN custom operations are on.\n"
        b"W0000 00:00:1795298656.248725   21046 cuda_executor.cc:1] cuda drivers not found\n"
        b"To enable the following instructions: AVX2 FMA, rebuild TensorFlow with the appropriate flags.\n"
        b"E0000 00:00:1795298656.248725   21046 cuda_driver.cc:2] tensorflow: out of memory\n"
        b"FATAL: kernel too old\n"
        b"\xff is no UTF-8\n"
    )
    done = run(
        INSTEAD.format(text=text)
        + "try: import coursekit.networks.backend\nexcept ImportError: print('after', file=sys.stderr)"
    )
    first, second, third, *rest = done.stderr.splitlines()
    assert first == "E0000 00:00:1795298656.248725   21046 cuda_driver.cc:2] tensorflow: out of memory"
    assert second == "FATAL: kernel too old"
    assert third.endswith("is no UTF-8")
    assert rest == ["Python says this", "after"]


def test_without_tensorflow_it_says_how_to_install_it():
    done = run(INSTEAD.format(text=b"real trouble\n") + "import coursekit.networks.backend")
    assert "real trouble" in done.stderr
    assert done.stderr.splitlines()[-1] == (
        'ImportError: TensorFlow is missing. Install it with: pip install "inside-convnet[cpu]" (or with gpu for cpu).'
    )


@pytest.mark.parametrize("close", ["os.close(2)", "sys.stderr = None"])
def test_where_there_is_no_stderr(close):
    quiet = INSTEAD.replace("os.write(2, {text!r})", "").replace("file=sys.stderr", "end=''")
    done = run(
        f"{quiet}\n{close}\n"
        "try: import coursekit.networks.backend\n"
        "except ImportError as error: print(error)"
    )  # fmt: skip
    assert "TensorFlow is missing." in done.stdout
    assert done.returncode == 0


def test_another_backend_is_refused_before_it_is_looked_for():
    done = run("import coursekit.networks.backend", KERAS_BACKEND="jax")
    assert done.stderr.splitlines()[-1] == (
        "ImportError: Keras runs on 'jax' here, but this course needs TensorFlow. "
        "Set the environment variable KERAS_BACKEND=tensorflow before Python starts."
    )


def test_a_leaky_relu_behind_an_add_keeps_its_slope():
    """Compiled as one with the convolution, TensorFlow takes another slope; oneDNN is asked for on every processor."""
    code = """
        import numpy as np
        from coursekit.networks.backend import keras, tf

        layers = keras.layers
        pictures = np.random.default_rng(0).normal(size=(2, 12, 12, 3)).astype("float32")
        for slope in (0.3, 0.01):
            x = keras.Input((12, 12, 3))
            y = layers.Add()([x, layers.Conv2D(3, 3, padding="same")(x)])
            model = keras.Model(x, layers.LeakyReLU(slope)(y))
            right = model(pictures).numpy()
            for found in (tf.function(model)(pictures).numpy(), model.predict(pictures, verbose=0)):
                print(float(np.abs(found - right).max()))
    """
    environment = {**os.environ, "TF_ENABLE_ONEDNN_OPTS": "1"}
    ran = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(code)], env=environment, capture_output=True, text=True, check=True
    )
    assert max(map(float, ran.stdout.split())) < 1e-5
