"""What all tests share: a home of their own, and the Chromium that browser tests drive."""

import os
import shutil
import sys
import tempfile
from pathlib import Path

import pytest

from coursekit.cli.doctor import find_chromium

# Where the libraries keep settings and caches. Set before any of them is imported, and handed on to every process that
# a test starts, so that a test run neither reads nor writes what belongs to the user.
_HOME_VARIABLES = {
    "COURSEKIT_CACHE": "coursekit",
    "IPYTHONDIR": "ipython",
    "JUPYTER_CONFIG_DIR": "jupyter-config",
    "JUPYTER_DATA_DIR": "jupyter-data",
    "JUPYTER_RUNTIME_DIR": "jupyter-runtime",
    "KERAS_HOME": "keras",
    "MPLCONFIGDIR": "matplotlib",
    "npm_config_cache": "npm",  # JupyterLab's server asks npm where language servers are
}
_home = None

# Where a verdict hangs on when a browser, a kernel, a thread or a child process gets the processor. Such a test that
# fails is run once more, and pytest names it at the end as RERUN: a test, or what it tests, that is to be mended.
_AS_FAST_AS_THE_MACHINE = ("browser", "book", "cli", "homework", "widgets", "test_progress.py", "test_waiting.py")


def pytest_configure():
    """Make the home once: workers of pytest-xdist inherit it."""
    global _home
    if "PYTEST_XDIST_WORKER" not in os.environ:
        _home = tempfile.mkdtemp(prefix="coursekit-tests-")
        for variable, folder in _HOME_VARIABLES.items():
            os.environ[variable] = str(Path(_home, folder))
            Path(_home, folder).mkdir(mode=0o700)
    else:  # workers share the cores, instead of each taking all of them and waiting for the others
        threads = max(1, os.cpu_count() // int(os.environ["PYTEST_XDIST_WORKER_COUNT"]))
        for variable in ("OMP_NUM_THREADS", "TF_NUM_INTRAOP_THREADS"):
            os.environ.setdefault(variable, str(threads))


@pytest.hookimpl(tryfirst=True)  # before -m looks at the marks
def pytest_collection_modifyitems(items):
    """Mark what drives a browser, and what may run twice. Begin with the lessons: at the end one worker would wait."""
    for item in items:
        part = item.path.relative_to(Path(__file__).parent).parts[0]
        if part == "browser":
            item.add_marker("browser")
        if part in _AS_FAST_AS_THE_MACHINE:
            item.add_marker(pytest.mark.flaky(reruns=1))
    items.sort(key=lambda item: "test_lessons" not in item.nodeid)


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_setup():
    """Draw the same random weights in every run, whatever ran before."""
    if "keras" in sys.modules:
        sys.modules["keras"].utils.set_random_seed(0)


def pytest_unconfigure():
    """Remove the home."""
    if _home:
        shutil.rmtree(_home, ignore_errors=True)


@pytest.fixture(scope="session")
def chromium() -> str:
    """Return the path of a Chromium. Without one, skip; with COURSEKIT_REQUIRE_BROWSER=1, fail."""
    path = find_chromium()
    if path is None:
        reason = "No Chromium or Chrome was found, so nothing was tested in a browser."
        if os.environ.get("COURSEKIT_REQUIRE_BROWSER") == "1":
            pytest.fail(reason)
        pytest.skip(reason)
    return path
