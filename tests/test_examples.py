"""The example in the docstring of every public name gives what it says."""

import doctest
import inspect

import pytest

import coursekit

NETWORK = coursekit.squeezenet()  # one for all of them
IN_A_NOTEBOOK = {
    "ChannelExplorer",
    "DecisionExplorer",
    "DreamExplorer",
    "EmbeddingExplorer",
    "FoolingExplorer",
    "OcclusionExplorer",
    "StyleExplorer",
}  # the lessons are their examples
IN_A_NOTEBOOK |= {"UnitCard", "check", "given", "hint", "predict", "quiz", "solution", "show"}
FORMER = {"unit_answers"}  # names that go on working
OPTIONS = doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE


@pytest.mark.parametrize("name", sorted(set(coursekit.__all__) - IN_A_NOTEBOOK - FORMER))
def test_example(name, monkeypatch, tmp_path):
    function = inspect.unwrap(getattr(coursekit, name))
    monkeypatch.setattr(coursekit, "squeezenet", lambda: NETWORK, raising=False)
    monkeypatch.chdir(tmp_path)
    (example,) = doctest.DocTestFinder(recurse=False).find(function, name, globs={})
    assert example.examples, f"{name} has no example in its docstring"
    assert doctest.DocTestRunner(optionflags=OPTIONS).run(example).failed == 0
