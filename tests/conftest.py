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
    """Mark what drives a browser. Begin with the lessons: at the end one worker would run them while another waits."""
    for item in items:
        if Path(__file__).with_name("browser") in item.path.parents:
            item.add_marker("browser")
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
