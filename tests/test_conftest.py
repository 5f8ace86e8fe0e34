"""What conftest.py promises: a home of its own, and a browser that is not skipped unseen."""

import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import platformdirs
import pytest

from coursekit.networks.cache import cache_folder

HERE = Path(__file__).parent
no_browser_on_path = pytest.mark.skipif(
    sys.platform != "linux", reason="Elsewhere Chrome is found by its place as well, which a test cannot take away."
)


def test_settings_and_caches_are_not_the_user_s():
    for variable in ("COURSEKIT_CACHE", "IPYTHONDIR", "JUPYTER_CONFIG_DIR", "JUPYTER_DATA_DIR", "KERAS_HOME"):
        folder = Path(os.environ[variable])
        assert folder.is_relative_to(tempfile.gettempdir())
        assert folder.is_dir()
    assert cache_folder() != Path(platformdirs.user_cache_dir("coursekit", appauthor=False))


def run_without_browser(folder: Path, **variables: str) -> str:
    shutil.copy(HERE / "conftest.py", folder)
    (folder / "test_page.py").write_text("def test_page(chromium): pass\n")
    command = [sys.executable, "-m", "pytest", "-ra", "-p", "no:cacheprovider", "--rootdir", str(folder), str(folder)]
    environment = {**os.environ, "PYTHONPATH": str(HERE.parent), "PATH": "", **variables}
    return subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True).stdout


@no_browser_on_path
def test_without_a_browser_the_skip_is_said(tmp_path):
    text = run_without_browser(tmp_path, COURSEKIT_REQUIRE_BROWSER="")
    assert "No Chromium or Chrome was found, so nothing was tested in a browser." in text
    assert "1 skipped" in text


@no_browser_on_path
def test_where_a_browser_is_required_its_absence_is_a_failure(tmp_path):
    text = run_without_browser(tmp_path, COURSEKIT_REQUIRE_BROWSER="1")
    assert "No Chromium or Chrome was found" in text
    assert "1 error" in text
    assert "skipped" not in text
