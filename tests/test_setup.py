"""pyproject.toml, the lock file and environment.yml say the same."""

import os
import re
import shutil
import subprocess
import sys
import tomllib
import zipfile
from email import message_from_bytes
from pathlib import Path

import pytest
import yaml
from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet
from packaging.utils import canonicalize_name
from packaging.version import Version
from rattler import MatchSpec, Version as CondaVersion, VersionSpec

ROOT = Path(__file__).parents[1]
PYPROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())
PROJECT = PYPROJECT["project"]
LOCK = (ROOT / "requirements.txt").read_text()
BOOK_LOCK = (ROOT / "requirements-book.txt").read_text()
CONDA_NAMES = {"matplotlib-base": "matplotlib"}  # conda-forge's matplotlib brings a window toolkit as well

PYTHONS = ("3.11", "3.12", "3.13")
MACHINES = {
    "linux": ("linux", "Linux", "x86_64", "posix"),
    "linux on ARM": ("linux", "Linux", "aarch64", "posix"),
    "macos": ("darwin", "Darwin", "arm64", "posix"),
    "windows": ("win32", "Windows", "AMD64", "nt"),
}
TARGETS = [(machine, python) for machine in MACHINES for python in PYTHONS]


def environment(machine: str, python: str) -> dict[str, str]:
    """Return the values that markers are judged by, for one kind of machine."""
    sys_platform, platform_system, platform_machine, os_name = MACHINES[machine]
    return {
        "extra": "",
        "implementation_name": "cpython",
        "os_name": os_name,
        "platform_machine": platform_machine,
        "platform_python_implementation": "CPython",
        "platform_system": platform_system,
        "python_full_version": f"{python}.9",
        "python_version": python,
        "sys_platform": sys_platform,
    }


def applies(requirement: Requirement, target: tuple[str, str]) -> bool:
    return requirement.marker is None or requirement.marker.evaluate(environment(*target))


def requirements(*extras: str) -> list[Requirement]:
    lines = list(PROJECT["dependencies"])
    for extra in extras:
        lines += PROJECT["optional-dependencies"][extra]
    return [Requirement(line) for line in lines]


def locked(lock: str = LOCK) -> list[tuple[Requirement, list[str]]]:
    """Return every requirement of a lock file with its hashes."""
    entries = []
    for block in re.split(r"^(?=[a-zA-Z0-9])", lock, flags=re.MULTILINE)[1:]:
        text = block.replace("\\\n", " ").partition("\n")[0]
        requirement, *hashes = text.split("--hash=")
        entries.append((Requirement(requirement.strip()), [value.strip() for value in hashes]))
    return entries


def locked_versions(name: str, target: tuple[str, str]) -> list[Version]:
    return [
        Version(next(iter(requirement.specifier)).version)
        for requirement, _ in locked()
        if canonicalize_name(requirement.name) == canonicalize_name(name) and applies(requirement, target)
    ]


def conda_environment() -> tuple[dict[str, MatchSpec], list[str]]:
    """Return environment.yml's conda part by PyPI name, and its pip part."""
    dependencies = yaml.safe_load((ROOT / "environment.yml").read_text())["dependencies"]
    specs = [MatchSpec(spec, strict=True) for spec in dependencies if isinstance(spec, str)]
    [pip] = [part["pip"] for part in dependencies if isinstance(part, dict)]
    return {CONDA_NAMES.get(spec.name.normalized, spec.name.normalized): spec for spec in specs}, pip


@pytest.mark.parametrize(("lock", "least"), [(LOCK, 100), (BOOK_LOCK, 50)], ids=["course", "book"])
def test_lock_pins_every_package_with_hashes(lock, least):
    entries = locked(lock)
    assert len(entries) > least
    for requirement, hashes in entries:
        [pin] = requirement.specifier
        assert pin.operator == "==", requirement
        assert "*" not in pin.version, requirement
        assert hashes, f"{requirement} has no hash"
        assert all(re.fullmatch(r"sha256:[0-9a-f]{64}", value) for value in hashes), requirement


@pytest.mark.parametrize("lock", [LOCK, BOOK_LOCK], ids=["course", "book"])
def test_lock_names_no_host(lock):
    assert "://" not in lock
    assert not re.search(r"^\s*(-i|-f|--(default-|extra-)?index|--find-links|--trusted-host)", lock, re.MULTILINE)


def test_the_book_s_lock_comes_on_top_of_the_other():
    versions = {(entry.name, str(entry.marker)): entry.specifier for entry, _ in locked()}
    book = {(entry.name, str(entry.marker)): entry.specifier for entry, _ in locked(BOOK_LOCK)}
    wanted = [Requirement(line) for line in PYPROJECT["dependency-groups"]["book"]]
    assert {requirement.name for requirement in wanted} <= {name for name, _ in book}, "run `make lock`"
    for requirement in wanted:
        assert requirement.specifier.contains(next(iter(book[requirement.name, "None"])).version), requirement
    both = versions.keys() & book.keys()
    assert len(both) > 20
    assert {key: versions[key] for key in both} == {key: book[key] for key in both}


@pytest.mark.parametrize("target", TARGETS, ids=" ".join)
def test_lock_has_one_fitting_version_of_every_requirement(target):
    for requirement in requirements("cpu", "dev"):
        if applies(requirement, target):
            versions = locked_versions(requirement.name, target)
            assert len(versions) == 1, f"{requirement}: {versions}; run `make lock`"
            assert requirement.specifier.contains(versions[0]), f"{requirement}: {versions}; run `make lock`"


@pytest.mark.parametrize("target", TARGETS, ids=" ".join)
def test_one_build_of_tensorflow_on_every_machine(target):
    builds = {name: locked_versions(name, target) for name in ("tensorflow", "tensorflow-cpu")}
    expected = "tensorflow-cpu" if target[0] in ("linux", "windows") else "tensorflow"
    assert [name for name, versions in builds.items() if versions] == [expected]


def test_gpu_extra_takes_the_same_versions_of_tensorflow():
    [gpu] = [Requirement(line) for line in PROJECT["optional-dependencies"]["gpu"]]
    assert gpu.extras == {"and-cuda"}
    for line in PROJECT["optional-dependencies"]["cpu"]:
        assert Requirement(line).specifier == gpu.specifier


def test_python_versions_agree():
    supported = SpecifierSet(PROJECT["requires-python"])
    assert [f"3.{minor}" for minor in range(9, 16) if f"3.{minor}" in supported] == list(PYTHONS)
    listed = [c.rpartition(" ")[2] for c in PROJECT["classifiers"] if c.startswith("Programming Language :: Python ::")]
    assert listed == list(PYTHONS)
    conda, _ = conda_environment()
    assert SpecifierSet(conda["python"].version) == supported
    workflow = yaml.safe_load((ROOT / ".github" / "workflows" / "test.yml").read_text())
    assert set(workflow["jobs"]["test"]["strategy"]["matrix"]["python"]) <= set(PYTHONS)


def test_conda_says_the_same_as_pyproject():
    conda, pip = conda_environment()
    by_pip = [Requirement(line) for line in pip if not line.startswith("-e")]
    assert "-e ." in pip
    wanted = requirements("cpu")
    for requirement in wanted:
        if requirement.name in conda:
            assert SpecifierSet(conda[requirement.name].version) == requirement.specifier, requirement
        else:
            assert requirement in by_pip, requirement
    names = {requirement.name for requirement in wanted}
    assert set(conda) - {"python", "pip"} <= names
    assert {requirement.name for requirement in by_pip} <= names


@pytest.mark.parametrize("target", TARGETS, ids=" ".join)
def test_conda_accepts_the_locked_versions(target):
    conda, _ = conda_environment()
    for name in set(conda) - {"python", "pip"}:
        [version] = locked_versions(name, target)
        accepted = VersionSpec(conda[name].version)
        assert accepted.matches(CondaVersion(str(version))), f"{name} {version} is not {accepted}"


def test_wheel_carries_the_lessons_the_styles_and_the_licence(tmp_path):
    lessons = sorted(path.name for path in (ROOT / "notebooks").glob("*.ipynb"))
    assert lessons
    copy = tmp_path / "checkout"  # the build writes beside what it builds
    shutil.copytree(ROOT / "coursekit", copy / "coursekit", ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copytree(ROOT / "notebooks", copy / "notebooks", ignore=lambda _, names: {*names} - {*lessons})
    shutil.copytree(ROOT / "data" / "styles", copy / "data" / "styles")
    (copy / "notebooks" / "model.keras").write_text("what running a lesson left there")
    for name in ("pyproject.toml", "README.md", "LICENSE", ".gitignore"):
        shutil.copy(ROOT / name, copy)
    command = [sys.executable, "-m", "build", "--no-isolation", "--outdir", str(tmp_path), str(copy)]
    done = subprocess.run(command, capture_output=True, text=True, env={**os.environ, "NO_COLOR": "1"})
    assert done.returncode == 0, done.stdout + done.stderr
    [wheel] = tmp_path.glob("*.whl")
    with zipfile.ZipFile(wheel) as archive:
        names = archive.namelist()
        [metadata] = [name for name in names if name.endswith(".dist-info/METADATA")]
        described = message_from_bytes(archive.read(metadata))
    assert [Path(name).name for name in names if name.startswith("coursekit/lessons/")] == lessons
    styles = sorted(path.name for path in (ROOT / "data" / "styles").glob("*.npz"))
    assert len(styles) >= 3
    assert [Path(name).name for name in names if name.startswith("coursekit/styles/")] == styles
    assert any(name.endswith("licenses/LICENSE") for name in names)
    shared = sorted(name.partition(".data/data/")[2] for name in names if ".data/" in name)
    extension = "share/jupyter/labextensions/coursekit"  # where JupyterLab finds it
    assert shared == [f"{extension}/package.json", f"{extension}/static/extension.js"]
    names = [name for name in names if ".data/" not in name]
    assert {Path(name).parts[0] for name in names} == {"coursekit", Path(metadata).parts[0]}
    assert described["Requires-Python"] == "<3.14,>=3.11"
    package = {path.relative_to(copy).as_posix() for path in (copy / "coursekit").rglob("*") if path.is_file()}
    assert package < set(names)


@pytest.fixture
def make(tmp_path):
    """Return a function that runs make on a copy of the Makefile, in a path with a space."""
    if shutil.which("make") is None:
        pytest.skip("make is not installed.")
    folder = tmp_path / "a folder"
    folder.mkdir()
    for name in ("Makefile", "pyproject.toml", "requirements.txt"):
        shutil.copy(ROOT / name, folder)
    environment = {key: value for key, value in os.environ.items() if not key.startswith(("MAKE", "MFLAGS", "PYTHON"))}

    def run(*arguments: str) -> subprocess.CompletedProcess:
        return subprocess.run(["make", *arguments], cwd=folder, env=environment, capture_output=True, text=True)

    return run


def test_make_alone_lists_the_commands(make):
    done = make()
    assert done.returncode == 0, done.stderr
    for command in ("lab", "test", "lint", "notebooks", "bench", "lock"):
        assert re.search(rf"^  make {command}\t\w", done.stdout, re.MULTILINE), done.stdout


@pytest.mark.skipif(os.name != "posix", reason="Windows has no make.")
@pytest.mark.parametrize(
    ("version", "fits"), [("3.10.14", False), ("3.11.0", True), ("3.13.9", True), ("3.14.0", False)]
)
def test_make_refuses_a_python_that_does_not_fit(make, tmp_path, version, fits):
    python = tmp_path / "another python"  # says that it is another version, and can do nothing further
    code = f"import sys; sys.version_info = ({version.replace('.', ',')}); exec(sys.argv.pop(2))"
    python.write_text(f"#!/bin/sh\nexec '{sys.executable}' -c '{code}' \"$@\"\n")
    python.chmod(0o755)
    done = make("lab", f"PYTHON={python}")
    assert done.returncode == 2
    assert ("Making the environment" in done.stdout) == fits
    assert (f"No fitting Python found (looked for: {python})." in done.stderr) != fits
    assert ("The course runs on Python 3.11, 3.12 and 3.13. Install one of them" in done.stderr) != fits
    assert not (tmp_path / "a folder" / ".venv").exists()


@pytest.mark.skipif(os.name != "posix", reason="Windows has no make.")
def test_a_broken_installation_leaves_no_stamp(make, tmp_path):
    lock = tmp_path / "a folder" / "requirements.txt"
    lock.write_text(LOCK.replace("\nuv==", "\nno-uv=="))  # then there is nothing to install the rest with
    done = make("test", f"PYTHON={sys.executable}")
    assert done.returncode == 2
    assert (tmp_path / "a folder" / ".venv" / "bin" / "python").exists()
    assert not (tmp_path / "a folder" / ".venv" / "installed").exists()
