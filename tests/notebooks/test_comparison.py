"""What conftest.py at the root lets pass when lessons are rerun, and what not."""

import importlib.util
import re
import shutil
import subprocess
import sys
from pathlib import Path

import nbformat
import pytest

ROOT = Path(__file__).resolve().parents[2]
LESSONS = sorted((ROOT / "notebooks").glob("*.ipynb"))


def load_conftest():
    spec = importlib.util.spec_from_file_location("root_conftest", ROOT / "conftest.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


comparison = load_conftest()


def stream(text):
    return nbformat.v4.new_output("stream", name="stdout", text=text)


def drawing(*lines):
    return nbformat.v4.new_output("display_data", data={comparison.DRAWN: list(lines)})


def same(old, new, **tolerance):
    return comparison.settled_outputs([old], [new], **tolerance)[0] == [old]


@pytest.mark.parametrize(
    ("old", "new", "tolerance", "expected"),
    [
        ("score 100", "score 105", {}, False),
        ("score 100", "score 105", {"relative": 0.05}, True),
        ("score 100", "score 106", {"relative": 0.05}, False),
        ("score 100", "score 94", {"relative": 0.05}, False),
        ("score 100", "store 100", {"relative": 0.05}, False),
        ("score -2", "score 2", {"relative": 0.5}, False),
        ("left 9%", "left 11%", {"relative": 0.1}, False),
        ("left 9%", "left 11%", {"relative": 0.1, "absolute": 2}, True),
        ("score  998 of 1,000", "score 1,002 of 1,001", {"relative": 0.01}, True),
        ("1.00e-05", "1.05e-05", {"relative": 0.1}, True),
        ("1.00e-05", "1.05e-04", {"relative": 0.1}, False),
        ("fire6 and 3x3", "fire7 and 3x3", {"relative": 0.5}, False),
        ("fire6 and 3x3", "fire6 and 4x4", {"relative": 0.5}, False),
        ("2-7-9 (0.19)", "2-7-9 (0.20)", {"relative": 0.1}, True),
        ("2-7-9 (0.19)", "2-7-8 (0.19)", {"relative": 0.1}, False),
        ("zebra 12, lion 12", "lion 12, zebra 12", {"relative": 0.5}, False),
        ("a 1\nb 2", "a 1 b 2", {"relative": 0.5}, False),
        ("1 2 3", "1 2", {"relative": 0.5}, False),
        ("0", "nan", {"relative": 0.5, "absolute": 9}, False),
    ],
)
def test_printed_numbers(old, new, tolerance, expected):
    assert same(stream(old), stream(new), **tolerance) is expected


IMAGE = "image 4x4: mean 100, deviation 5, tilt 1 0"
LINE = "line y 48: mean 1, deviation 0, tilt 0"


@pytest.mark.parametrize(
    ("old", "new", "tolerance", "expected"),
    [
        (IMAGE, "image 4x4: mean 100.05, deviation 5, tilt 1 -0.05", {}, True),
        (IMAGE, "image 4x4: mean 100.2, deviation 5, tilt 1 0", {}, False),
        (IMAGE, "image 4x4: mean 98, deviation 7, tilt 1 2", {"drawn": 0.02}, True),
        (IMAGE, "image 4x4: mean 100, deviation 5, tilt -2 0", {"drawn": 0.02}, False),
        (IMAGE, "image 4x5: mean 100, deviation 5, tilt 1 0", {"drawn": 0.5}, False),
        (LINE, "line y 49: mean 1, deviation 0, tilt 0", {"drawn": 0.5}, False),
        ("text waves: 300", "text waves: 310", {"drawn": 0.5}, False),
        ("text waves: 300", "text waves: 310", {"relative": 0.05}, True),
        ("text waves: 300", "text pixels: 300", {"relative": 0.05}, False),
    ],
)
def test_digests_of_figures(old, new, tolerance, expected):
    assert same(drawing(old), drawing(new), **tolerance) is expected


def test_says_which_number_is_off_and_by_how_much():
    _, faults = comparison.settled_outputs([stream("a 100, b 50")], [stream("a 104, b 70")], relative=0.1)
    assert faults == ["70 instead of 50: off by 20, allowed is 5"]


@pytest.mark.parametrize("tolerance", [{"relativ": 0.1}, {"relative": 1}, {"drawn": -0.1}, {"relative": 5}])
def test_a_tolerance_that_makes_no_sense_is_an_error(tolerance):
    cell = nbformat.v4.new_code_cell("1", metadata={"coursekit": {"tolerance": tolerance}})
    with pytest.raises(ValueError, match="A tolerance has"):
        comparison.tolerance_of(cell)


def rerun(folder, source, committed, tolerance):
    """Return what pytest says of a notebook of one cell whose committed output is another."""
    shutil.copy(ROOT / "conftest.py", folder)
    metadata = {"coursekit": {"tolerance": tolerance}} if tolerance else {}
    cell = nbformat.v4.new_code_cell(source, execution_count=1, outputs=[stream(committed)], metadata=metadata)
    nbformat.write(nbformat.v4.new_notebook(cells=[cell]), folder / "lesson.ipynb")
    command = [sys.executable, "-m", "pytest", "--nbval", "-q", "-p", "no:cacheprovider", "--rootdir", str(folder)]
    done = subprocess.run([*command, str(folder / "lesson.ipynb")], cwd=folder, capture_output=True, text=True)
    return done.returncode, re.sub(r"\x1b\[[\d;]*m", "", done.stdout)


def test_nbval_passes_within_the_tolerance(tmp_path):
    source = "import sys; print('score', 104); print('noise', file=sys.stderr)"
    code, said = rerun(tmp_path, source, "score 100\n", {"relative": 0.05})
    assert code == 0, said


def test_nbval_fails_beyond_it_and_says_by_how_much(tmp_path):
    code, said = rerun(tmp_path, "print('score', 110)", "score 100\n", {"relative": 0.05})
    assert code == 1
    assert "110 instead of 100: off by 10, allowed is 5" in said


def test_nbval_compares_to_the_letter_where_nothing_is_said(tmp_path):
    code, _ = rerun(tmp_path, "print('score', 101)", "score 100\n", None)
    assert code == 1


def with_numbers(outputs, change):
    """Return a cell's outputs with every number changed that a tolerance speaks of."""
    changed = nbformat.from_dict(outputs)

    def text(old):
        return comparison._NUMBER.sub(lambda match: f"{change(comparison._value(match[0])):.6g}", old)

    for output in changed:
        data = output.get("data", {})
        if "text" in output:
            output.text = text(output.text)
        if "text/plain" in data:
            data["text/plain"] = text(data["text/plain"])
        if comparison.DRAWN in data:
            data[comparison.DRAWN] = [
                old if old.startswith("text ") else f"{old.partition(': ')[0]}: {text(old.partition(': ')[2])}"
                for old in data[comparison.DRAWN]
            ]
    return changed


@pytest.mark.parametrize("path", LESSONS, ids=lambda path: path.stem)
def test_a_tolerance_of_a_lesson_lets_no_other_result_pass(path):
    """Nothing (all numbers 0), twice as much, and the opposite must still be noticed."""
    for cell in nbformat.read(path, as_version=4).cells:
        if tolerance := comparison.tolerance_of(cell):
            assert comparison.settled_outputs(cell.outputs, cell.outputs, **tolerance)[0] == cell.outputs
            for change in (lambda number: 0, lambda number: 2 * number, lambda number: -number):
                other = with_numbers(cell.outputs, change)
                assert comparison.settled_outputs(cell.outputs, other, **tolerance)[0] != cell.outputs, cell.source


@pytest.mark.parametrize("path", LESSONS, ids=lambda path: path.stem)
def test_a_tolerance_of_a_lesson_lets_no_even_picture_pass(path):
    for cell in nbformat.read(path, as_version=4).cells:
        share = comparison.tolerance_of(cell).get("drawn", comparison.THIRD_DIGIT)
        outputs = [output.get("data", {}) for output in cell.get("outputs", [])]
        for line in (line for data in outputs for line in data.get(comparison.DRAWN, [])):
            numbers = [float(number) for number in re.findall(r"-?[\d.]+(?:e-?\d+)?", line.partition(": ")[2])]
            if line.startswith("image ") and numbers and numbers[1] > 0.01 * max(numbers):  # else it is even to the eye
                assert numbers[1] > 2 * share * max(map(abs, numbers)), f"{line}\n{cell.source}"
