"""The one language of marks: what is a mark however it is written, what is none, and what is neither and refused."""

import time

import pytest

from coursekit.exercises import marks


def cut(*lines: str) -> str:
    return marks.without_solutions("code", "\n".join(lines))


def test_regions_are_replaced_at_their_own_indentation():
    lines = ["class A:", "    def f(self):", "        if True:", "            ### BEGIN SOLUTION", "            x = 1"]
    lines += ["", "            return x", "            ### END SOLUTION", "        return 2"]
    assert cut(*lines) == (
        "class A:\n    def f(self):\n        if True:\n            # YOUR CODE HERE\n"
        "            raise NotImplementedError()\n        return 2"
    )


def test_two_regions_in_one_cell():
    source = cut(
        "a = 1", "### BEGIN SOLUTION", "b", "### END SOLUTION", "c", "### BEGIN SOLUTION", "### END SOLUTION\n"
    )
    assert source == "a = 1\n{0}c\n{0}".format("# YOUR CODE HERE\npass\n")


def test_several_regions_in_markdown_also_inside_a_line():
    text = (
        "Because <!-- BEGIN SOLUTION -->it is so<!-- END SOLUTION -->.\n<!--BEGIN SOLUTION-->\nno\n<!--END SOLUTION-->"
    )
    assert marks.without_solutions("markdown", text) == "Because *Your answer here*.\n*Your answer here*"


CODE = [
    *("### {} SOLUTION", "###{} SOLUTION", "# {} SOLUTION", "#{}SOLUTION", "### {}  SOLUTION", "#\t{}\tSOLUTION"),
    *("   ### {} SOLUTION", "### {} SOLUTION ###", "### {} SOLUTION: short", "# {}_SOLUTION", "# {}-SOLUTIONS"),
]
TEXT = [
    *("<!-- {} SOLUTION -->", "<!--{} SOLUTION-->", "<!--{}SOLUTION-->", "<!--  {}\tSOLUTION  -->"),
    *("<!--\n{} SOLUTION\n-->", "<!--- {} SOLUTION --->", "<!-- {}_SOLUTION -->", "<!-- {} SOLUTION: short -->"),
]


@pytest.mark.parametrize("case", [str.upper, str.lower, str.title])
@pytest.mark.parametrize(
    ("cell_type", "mark"), [*(("code", mark) for mark in CODE), *(("markdown", mark) for mark in TEXT)]
)
def test_a_mark_that_is_written_a_little_differently_is_one(cell_type, mark, case):
    source = f"{case(mark.format('begin'))}\nsecret = 1\n{case(mark.format('end'))}"
    cut = marks.without_solutions(cell_type, source)
    assert "secret" not in cut
    assert marks.is_unfinished(cell_type, cut)
    assert [one.kind for one in marks.find(cell_type, source)] == [marks.Kind.BEGIN, marks.Kind.END]
    assert marks.without_marks(cell_type, source).strip() == "secret = 1"


@pytest.mark.parametrize(
    ("cell_type", "mark"),
    [
        ("code", "x = 1  ### {} SOLUTION"),
        ("code", "# --- {} SOLUTION"),
        ("code", "<!-- {} SOLUTION -->"),
        ("markdown", "### {} SOLUTION"),
        ("markdown", "<!- {} SOLUTION ->"),
        ("markdown", "<!-- {} SOLUTION"),
        ("markdown", "<!-- **{} SOLUTION** -->"),
        ("raw", "### {} SOLUTION"),
    ],
)
def test_what_only_looks_like_a_mark_is_refused(cell_type, mark):
    with pytest.raises(ValueError, match="looks like the mark of a solution but cannot be read as one"):
        marks.without_solutions(cell_type, f"{mark.format('BEGIN')}\nsecret = 1\n{mark.format('END')}")


@pytest.mark.parametrize(
    ("cell_type", "source"),
    [
        ("code", "begin = solution"),
        ("code", "# the solution begins here, and at the end a solution is shown"),
        ("code", "# begin with the solution of lesson 01"),
        ("markdown", "In the end a solution is shown."),
        ("markdown", "## At the end: solutions"),
    ],
)
def test_prose_is_no_mark(cell_type, source):
    assert marks.find(cell_type, source) == []
    assert marks.without_solutions(cell_type, source) == source


@pytest.mark.parametrize(
    ("lines", "fault"),
    [
        (["### BEGIN SOLUTION", "x = 1"], "begins a solution that never ends"),
        (["x = 1", "### END SOLUTION"], "ends a solution that never began"),
        (["### BEGIN SOLUTION", "### BEGIN SOLUTION", "### END SOLUTION"], "begins a solution inside a solution"),
        (["### BEGIN SOLUTION", "### END SOLUTION", "### END SOLUTION"], "ends a solution that never began"),
    ],
)
def test_unbalanced_marks(lines, fault):
    with pytest.raises(ValueError, match=fault):
        cut(*lines)


@pytest.mark.parametrize(
    ("cell_type", "source", "ids"),
    [
        ("code", "# exercise 01.by-hand", ["01.by-hand"]),
        ("code", "  #exercise 01.by-hand\nx", ["01.by-hand"]),
        ("code", "## Exercise  01.by-hand  ", ["01.by-hand"]),
        ("code", "# exercise 01.by-hand: mine\n# exercise 01.one-scale", ["01.by-hand", "01.one-scale"]),
        ("code", "# exercises 01.by-hand", []),
        ("code", "# exercise 1.by-hand", []),
        ("code", "x = 1  # exercise 01.by-hand", []),
        ("code", "<!-- exercise 01.by-hand -->", []),
        ("markdown", "<!-- exercise 01.evidence -->", ["01.evidence"]),
        ("markdown", "Text\n<!--EXERCISE 01.evidence-->", ["01.evidence"]),
        ("markdown", "# exercise 01.evidence", []),
        ("raw", "# exercise 01.by-hand", []),
    ],
)
def test_exercises(cell_type, source, ids):
    assert marks.exercises(cell_type, source) == ids


def test_checks():
    assert marks.checked('check("01.by-hand", by_hand)') == "01.by-hand"
    assert marks.checked("x\ncheck( '01.by-hand')") == "01.by-hand"
    assert marks.checked('  check("01.by-hand")') is None
    assert marks.checked('# check("01.by-hand")') is None


def test_variations():
    token = "0123456789abcdef" * 4
    assert marks.has_no_variation("x = 1\nvariation = None\n")
    made = marks.with_variation("x = 1\nvariation = None", token)
    assert made == f'x = 1\nvariation = "{token}"'
    assert marks.variations(made) == {token}
    assert marks.variations(f"variation='{token}'") == {token}
    assert marks.variations('variation = "short"') == set()


HOSTILE = {
    "spaces": "<!--" + " " * 1_000_000,
    "openings": "<!-- exercise 01.a" * 100_000,
    "dashes": "<!-- exercise 01.a " + "-" * 1_000_000,
    "hashes": "#" * 1_000_000,
    "stubs": "# YOUR CODE HERE" + "\n" * 1_000_000,
    "indented": " " * 1_000_000,
    "variations": "variation " * 100_000,
    "an id": "<!-- exercise 01.a" + "-" * 300_000,
    "marks": "### BEGIN SOLUTION\n" * 100_000,
}


@pytest.mark.parametrize("source", HOSTILE.values(), ids=HOSTILE)
def test_no_text_takes_long_to_read(source):
    start = time.process_time()
    for cell_type in ("code", "markdown"):
        marks.exercises(cell_type, source)
        marks.without_marks(cell_type, source)
        marks.is_unfinished(cell_type, source)
    marks.checked(source)
    marks.variations(source)
    assert time.process_time() - start < 10
