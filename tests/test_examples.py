"""The examples in the docstrings of public names give what they say."""

import doctest
import importlib

import pytest

import coursekit

NETWORK = coursekit.squeezenet()  # one for all of them
MODULES = [
    *(f"networks.{name}" for name in ("labels", "loading", "squeezenet")),
    *(
        f"techniques.{name}"
        for name in (
            *("activations", "architecture", "embeddings", "filters", "masks", "naming", "patches"),
            "receptive_field",
        )
    ),
]
OPTIONS = doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE


@pytest.mark.parametrize("module", MODULES)
def test_examples(module, monkeypatch, tmp_path):
    monkeypatch.setattr(coursekit, "squeezenet", lambda: NETWORK, raising=False)
    monkeypatch.chdir(tmp_path)
    found = doctest.testmod(importlib.import_module(f"coursekit.{module}"), optionflags=OPTIONS)
    assert found.attempted > 0
    assert found.failed == 0
