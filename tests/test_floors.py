"""The floors of the package, and what its import costs."""

import json
import re
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[1]
HEAVY = {"IPython", "keras", "matplotlib", "pandas", "skimage", "sklearn", "tensorflow"}


def _run(code: str) -> str:
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_imports_keep_to_the_floors():
    report = _run("import sys; from importlinter import cli; sys.exit(cli.lint_imports(no_cache=True))")
    assert " kept, 0 broken" in report


def test_only_networks_look_inside_keras():
    """keras.src is not public and changes; import-linter knows whole packages only."""
    files = [file for file in (ROOT / "coursekit").rglob("*.py") if "networks" not in file.parts]
    assert len(files) > 50
    assert not [file.name for file in files if re.search(r"\bkeras\.src\b", file.read_text(encoding="utf-8"))]


def test_import_loads_nothing_heavy():
    modules = json.loads(_run("import coursekit, json, sys; print(json.dumps(list(sys.modules)))"))
    assert "coursekit" in modules
    assert not HEAVY & {name.partition(".")[0] for name in modules}


def test_the_command_loads_nothing_heavy():
    modules = json.loads(_run("import coursekit.cli, json, sys; print(json.dumps(list(sys.modules)))"))
    assert "coursekit.cli.doctor" in modules
    assert not HEAVY & {name.partition(".")[0] for name in modules}


def test_every_public_name_is_there():
    code = """
import coursekit
names = coursekit.__all__
assert len(names) > 10, names
for name in names:
    assert getattr(coursekit, name) is not None, name
assert set(names) <= set(dir(coursekit))
print("resolved", len(names))
"""
    assert _run(code).startswith("resolved")
