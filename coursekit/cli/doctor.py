"""``coursekit doctor``: what the course needs, what is missing, and how to mend it."""

from __future__ import annotations

import json
import re
import shutil
import signal
import site
import subprocess
import sys
import sysconfig
import tempfile
from collections.abc import Iterator
from importlib import metadata
from importlib.util import find_spec
from pathlib import Path
from typing import NamedTuple

from coursekit import distribution
from coursekit.cli import lab

TIME_LIMIT = 180  # seconds for TensorFlow's import and the network; the first start on a slow disk takes longest
TENSORFLOW_BUILDS = ("tensorflow", "tensorflow-cpu")

# What JupyterLab needs to show the explorers: folders below share/jupyter/labextensions, and what brings them.
_LAB_EXTENSIONS = {"anywidget": "anywidget", "@jupyter-widgets/jupyterlab-manager": "jupyterlab-widgets"}

# Run by a Python of its own: a package that crashes, hangs or floods the screen must not take the doctor with it.
_IMPORTS = """
import importlib, json, sys
for name in sys.argv[1:]:
    error = None
    print(json.dumps({"begun": name}), flush=True)
    try:
        importlib.import_module(name)
    except BaseException as caught:
        error = caught
    said = (str(error).strip().splitlines() or [""])[-1]
    failed = error and {"said": f"{type(error).__name__}: {said}", "missing": getattr(error, "name", None)}
    print(json.dumps({"tried": name, "failed": failed}), flush=True)
"""
_KERNEL = """
import json, sys
from jupyter_client.manager import start_new_kernel
manager, client = start_new_kernel(kernel_name="python3", startup_timeout=float(sys.argv[1]))
prefix = []
try:
    client.execute_interactive(
        "import sys; print(sys.prefix)", timeout=float(sys.argv[1]),
        output_hook=lambda message: prefix.append(message["content"].get("text", "")))
finally:
    client.stop_channels()
    manager.shutdown_kernel(now=True)
print(json.dumps({"prefix": "".join(prefix).strip()}), flush=True)
"""
_NETWORK = """
import json
from coursekit.networks.backend import tf
devices = [device.name.removeprefix("/device:") for device in tf.config.list_logical_devices()]
print(json.dumps({"tensorflow": tf.__version__, "devices": devices}), flush=True)
from coursekit import squeezenet
print(json.dumps({"parameters": squeezenet().count_params()}), flush=True)
from coursekit import digits, photos
print(json.dumps({"photos": len(photos()[0]), "digits": len(digits()[0])}), flush=True)
"""

_BROWSERS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome")
_BROWSER_PLACES = (
    "/Applications/Chromium.app/Contents/MacOS/Chromium",
    "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome",
    r"C:\Program Files\Google\Chrome\Application\chrome.exe",
    r"C:\Program Files (x86)\Google\Chrome\Application\chrome.exe",
)


class Finding(NamedTuple):
    """One line of the report: a mark ("ok", "note", "MISSING" or "WRONG"), what it is about, and how to mend it."""

    mark: str
    text: str
    mend: str = ""


def run(*names: str) -> int:
    """Print what every check found, or those of these names; return 1 if something is missing or wrong, else 0."""
    checks = (python, packages, imports, tensorflow, cache, jupyterlab, kernel, lessons, machine, browser)
    bad = 0
    for check in checks if not names else [check for check in checks if check.__name__ in names]:
        for finding in check():
            print(f"{finding.mark:8}{finding.text}")
            if finding.mend:
                print(f"{'':8}-> {finding.mend}")
            bad += finding.mark in ("MISSING", "WRONG")
            sys.stdout.flush()
    print()
    print("All the course needs is there." if not bad else f"{bad} thing{'s' * (bad > 1)} to mend.")
    return 1 if bad else 0


def python() -> Iterator[Finding]:
    """Check that this Python is one the course runs on."""
    text = f"Python {sys.version.split()[0]}, {sys.executable}"
    if (3, 11) <= sys.version_info < (3, 14):
        yield Finding("ok", text)
    else:
        yield Finding("WRONG", text, "The course runs on Python 3.11, 3.12 and 3.13. Install one of them.")


def packages() -> Iterator[Finding]:
    """Check that every package the course depends on is installed, in a version that fits."""
    try:
        lines = metadata.requires(distribution.NAME) or []
        from packaging.requirements import Requirement
    except metadata.PackageNotFoundError:
        yield Finding(
            "MISSING",
            f"{distribution.NAME} is not installed in this Python.",
            f"{distribution.install('cpu')}, or in the course's folder: make lab",
        )
        return
    except ImportError as error:
        yield Finding("MISSING", f"The packages cannot be checked: {error}.", _install("packaging"))
        return
    required = [Requirement(line) for line in lines]
    plain = [r for r in required if r.marker is None or r.marker.evaluate({"extra": ""})]
    fitting = 0
    for requirement in plain:
        version = _version(requirement.name)
        wanted = f"{requirement.name}{requirement.specifier}"
        if version is None:
            yield Finding("MISSING", f"{requirement.name} is not installed.", _install(wanted))
        elif not requirement.specifier.contains(version, prereleases=True):
            text = f"{requirement.name} is version {version}, the course needs {requirement.specifier}."
            yield Finding("WRONG", text, _install(wanted))
        else:
            fitting += 1
    if fitting:
        yield Finding("ok", f"{fitting} of {len(plain)} packages in a version that fits")

    builds = {build: version for build in TENSORFLOW_BUILDS if (version := _version(build))}
    here = next(r for r in required if r.name in TENSORFLOW_BUILDS and r.marker and r.marker.evaluate({"extra": "cpu"}))
    if not builds:
        yield Finding("MISSING", "TensorFlow is not installed.", _install(f"{here.name}{here.specifier}"))
    elif len(builds) > 1:
        both = " and ".join(builds)
        yield Finding(
            "WRONG",
            f"{both} are both installed and overwrite each other's files.",
            f"{_pip('uninstall', *builds)}  and then  {_install(f'{here.name}{here.specifier}')}",
        )
    else:
        [(build, version)] = builds.items()
        if here.specifier.contains(version, prereleases=True):
            yield Finding("ok", f"{build} {version}")
        else:
            text = f"{build} is version {version}, the course needs {here.specifier}."
            yield Finding("WRONG", text, _install(f"{build}{here.specifier}"))


def imports(limit: float = TIME_LIMIT) -> Iterator[Finding]:
    """Check that the installed packages can be imported: a package's record may outlive its files.

    TensorFlow and Keras are left out here. They have a check of their own.
    """
    try:
        required = {
            re.split(r"[^\w.-]", line)[0]
            for line in metadata.requires(distribution.NAME) or []
            if "extra ==" not in line
        }
    except metadata.PackageNotFoundError:
        return  # said already
    owners = {
        name: owner
        for name, found in metadata.packages_distributions().items()
        for owner in found
        if owner in required - {"keras"} and not name.startswith("_")
    }
    failed = _try_imports(sorted(owners), limit)
    gone = {name for name in failed if failed[name]["missing"] == name}
    for name in sorted(gone):
        text = f"{owners[name]} is on record as installed, but its files are gone."
        yield Finding("WRONG", text, _pip("install", "--force-reinstall", "--no-deps", _pinned(owners[name])))
    blamed = gone | {name for name in required if _version(name) is None}
    for name in sorted(set(failed) - gone):
        missing = (failed[name]["missing"] or "").partition(".")[0]
        if missing in blamed or any(re.search(rf"\b{re.escape(other)}\b", failed[name]["said"]) for other in blamed):
            continue  # it needs what was named above
        text = f"{owners[name]} cannot be imported: {failed[name]['said']}"
        yield Finding("WRONG", text, _pip("install", "--force-reinstall", _pinned(owners[name])))
    if good := len(set(owners.values()) - {owners[name] for name in failed}):
        yield Finding("ok", f"{good} packages can be imported")


def _try_imports(names: list[str], limit: float) -> dict[str, dict]:
    """Import one after the other, and return of those that fail {name: {"said": why, "missing": module or None}}."""
    failed = {}
    while names:
        stopped = "Python did not get further within the time."
        try:
            done = subprocess.run(
                [sys.executable, "-c", _IMPORTS, *names],
                capture_output=True,
                text=True,
                errors="replace",
                timeout=limit,
            )
            output = done.stdout
            if done.returncode:
                stopped = f"Python was stopped by {_signal(done.returncode)}."
        except subprocess.TimeoutExpired as error:
            output = (error.stdout or b"").decode(errors="replace")
        reports = _reports(output)
        tried = {report["tried"]: report["failed"] for report in reports if "tried" in report}
        failed |= {name: why for name, why in tried.items() if why}
        names = [name for name in names if name not in tried]
        if names:  # the first of them ended it
            failed[names.pop(0)] = {"said": stopped, "missing": None}
    return failed


def tensorflow(limit: float = TIME_LIMIT) -> Iterator[Finding]:
    """Check that TensorFlow starts, and that network, photos and digits can be read, within ``limit`` seconds."""
    command = [sys.executable, "-c", _NETWORK]
    try:
        done = subprocess.run(command, capture_output=True, text=True, errors="replace", timeout=limit)
    except subprocess.TimeoutExpired:
        text = f"TensorFlow did not start and build the network within {limit} seconds."
        yield Finding("WRONG", text, "Close other programs and try again; if it stays so, install TensorFlow again.")
        return
    report = {key: value for part in _reports(done.stdout) for key, value in part.items()}
    if "tensorflow" in report:
        yield Finding("ok", f"TensorFlow {report['tensorflow']} starts, on {', '.join(report['devices'])}")
        if not any(name.startswith("GPU") for name in report["devices"]):
            yield Finding("note", "No GPU is used. The course needs none.")
    if "parameters" in report:
        yield Finding("ok", f"SqueezeNet with its weights: {report['parameters']:,} parameters")
    if "photos" in report:
        yield Finding("ok", f"{report['photos']} photos and {report['digits']:,} digits")
        return
    what = "SqueezeNet cannot be built" if "tensorflow" in report else "TensorFlow does not start"
    what = "The photos and digits cannot be read" if "parameters" in report else what
    if done.returncode < 0:
        mend = "Install TensorFlow again. On SIGILL, the processor is too old for it; on SIGKILL, memory ran out."
        yield Finding("WRONG", f"{what}: Python was stopped by {_signal(done.returncode)}.", mend)
        return
    last = (done.stderr.strip().splitlines() or [f"exit code {done.returncode}"])[-1]
    missing = re.findall(r"No module named '(\w+)", done.stderr)[:1]
    if missing and missing[0] not in ("tensorflow", "keras"):
        yield Finding("note", f"TensorFlow and the network were not tried: they need {missing[0]}, which is missing.")
    else:
        yield Finding("MISSING", f"{what}: {last}", "Mend the packages named above first, then try again.")


def cache() -> Iterator[Finding]:
    """Check that what is computed once can be kept."""
    try:
        from coursekit.networks.cache import cache_folder

        folder = cache_folder()
        there = next(place for place in (folder, *folder.parents) if place.exists())
        with tempfile.TemporaryFile(dir=there):
            pass
    except ImportError as error:
        yield Finding("MISSING", f"The cache folder cannot be found: {error}.", _install("platformdirs"))
        return
    except OSError as error:
        mend = "Set the environment variable COURSEKIT_CACHE to a folder you can write to."
        yield Finding("note", f"The cache folder {folder} cannot be written to ({error.strerror}).", mend)
        return
    size = sum(file.stat().st_size for file in folder.rglob("*") if file.is_file())
    yield Finding("ok", f"cache folder {folder}, {size / 1e6:.1f} MB")


def jupyterlab() -> Iterator[Finding]:
    """Check for JupyterLab and the extensions that show the explorers."""
    if version := _version("jupyterlab"):
        yield Finding("ok", f"JupyterLab {version}")
    else:
        yield Finding("MISSING", "JupyterLab is not installed.", _install("jupyterlab>=4.4,<5"))
    roots = [
        Path(root, "share", "jupyter", "labextensions") for root in (sysconfig.get_path("data"), site.getuserbase())
    ]
    for extension, package in _LAB_EXTENSIONS.items():
        if any((root / extension / "package.json").is_file() for root in roots):
            yield Finding("ok", f"JupyterLab's extension {extension}")
        else:
            text = f"JupyterLab's extension {extension} is not there, so the explorers do not show."
            yield Finding("MISSING", text, _pip("install", "--force-reinstall", "--no-deps", package))


def kernel(limit: float = TIME_LIMIT) -> Iterator[Finding]:
    """Check that a notebook's Python starts, by starting it, and that it is this one, within ``limit`` seconds."""
    if find_spec("ipykernel") is None:
        text = "ipykernel is not there, so no lesson can be run."
        yield Finding("MISSING", text, _pip("install", "--force-reinstall", "ipykernel"))
        return
    mend = _pip("install", "--force-reinstall", "ipykernel")
    try:
        command = [sys.executable, "-c", _KERNEL, str(limit)]
        done = subprocess.run(command, capture_output=True, text=True, errors="replace", timeout=2 * limit + 10)
    except subprocess.TimeoutExpired:
        yield Finding("WRONG", f"The Python of the notebooks did not start within {limit} seconds.", mend)
        return
    prefix = next((report["prefix"] for report in _reports(done.stdout) if "prefix" in report), None)
    if prefix is None:
        last = (done.stderr.strip().splitlines() or [f"exit code {done.returncode}"])[-1]
        yield Finding("WRONG", f"The Python of the notebooks does not start: {last}", mend)
    elif Path(prefix) != Path(sys.prefix):
        text = f"The notebooks run in another Python, that of {prefix}."
        yield Finding("WRONG", text, f'"{sys.executable}" -m ipykernel install --sys-prefix')
    else:
        yield Finding("ok", "The Python of the notebooks starts")


def lessons() -> Iterator[Finding]:
    """Check that the lessons are there."""
    try:
        folder = lab.lessons_folder()
    except FileNotFoundError as error:
        yield Finding("MISSING", str(error))
        return
    count = len(list(folder.glob("*.ipynb")))
    yield Finding("ok", f"{count} lesson{'s' * (count > 1)} in {folder}")


def machine() -> Iterator[Finding]:
    """Report memory and disk; little of either is worth a note."""
    try:
        import psutil
    except ImportError:
        yield Finding("note", "Memory cannot be checked: psutil is not installed.")
    else:
        free = psutil.virtual_memory().available / 1e9
        yield Finding(
            "ok" if free >= 2 else "note",
            f"memory: {free:.1f} GB free",
            "" if free >= 2 else "A lesson takes up to 2 GB. Close other programs.",
        )
    free = shutil.disk_usage(Path.cwd()).free / 1e9
    yield Finding(
        "ok" if free >= 1 else "note", f"disk: {free:.1f} GB free here", "" if free >= 1 else "Make some room."
    )


def browser() -> Iterator[Finding]:
    """Report the Chromium that the browser tests use; learners need none."""
    if path := find_chromium():
        yield Finding("ok", f"Chromium for the tests: {path}")
    else:
        yield Finding("note", "No Chromium or Chrome found. Only the browser tests need one; they are skipped.")


def find_chromium() -> str | None:
    """Return the path of a Chromium or Chrome, or None."""
    found = (shutil.which(name) for name in _BROWSERS)
    places = (place for place in _BROWSER_PLACES if Path(place).is_file())
    return next(filter(None, found), None) or next(places, None)


def _version(package: str) -> str | None:
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return None


def _pinned(package: str) -> str:
    return f"{package}=={_version(package)}"


def _reports(output: str) -> list[dict]:
    """Return the lines of JSON among what a Python of its own printed."""
    return [json.loads(line) for line in output.splitlines() if line.startswith("{")]


def _signal(code: int) -> str:
    return signal.Signals(-code).name if code < 0 else f"exit code {code}"


def _pip(*arguments: str) -> str:
    words = (sys.executable, "-m", "pip", *arguments)
    return " ".join(f'"{word}"' if set("<>=~!, ") & set(word) else word for word in words)


def _install(*requirements: str) -> str:
    return _pip("install", *requirements)
