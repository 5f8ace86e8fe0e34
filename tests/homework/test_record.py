"""A record is read as it was written, or said to be none."""

import json
from dataclasses import replace

import pytest

from coursekit.homework.record import Record, Result, read_record, to_json

RECORD = Record(
    student="Zoë",
    assignment="01",
    file="Zoë/01.ipynb",
    sha256="0" * 64,
    submitted_at="2026-11-20T10:00:00+01:00",
    seconds=1.5,
    log=("one", "two"),
    variations=("a" * 64,),
    exercises={"01.by-hand": Result(3.0, 3, "That is right."), "01.evidence": Result(None, 3, "", text="\ud800<b>")},
    notebook="notebooks/Zoë.ipynb",
)


def test_it_comes_back_as_it_was(tmp_path):
    file = tmp_path / "record.json"
    file.write_text(to_json(RECORD), encoding="ascii")
    assert read_record(file) == RECORD
    assert (RECORD.is_graded, json.loads(file.read_bytes())["status"]) == (True, "graded")
    ungraded = Record("eve", "01", "eve.ipynb", reason="The file is no notebook.")
    file.write_text(to_json(ungraded))
    assert read_record(file) == ungraded
    assert (ungraded.is_graded, json.loads(file.read_bytes())["status"]) == (False, "ungraded")


@pytest.mark.parametrize(
    "content",
    ["", "{ torn", "[]", "null", "{}", '{"student": "ana", "status": "graded", "log": [], "variations": []}'],
)
def test_what_is_no_record_is_named(tmp_path, content):
    (tmp_path / "ana.json").write_text(content)
    with pytest.raises(ValueError, match=r"ana\.json holds no record of a grade"):
        read_record(tmp_path / "ana.json")


def test_a_record_from_before_variations_were_kept_is_read(tmp_path):
    table = json.loads(to_json(RECORD))
    del table["variations"]
    (tmp_path / "ana.json").write_text(json.dumps(table))
    assert read_record(tmp_path / "ana.json") == replace(RECORD, variations=())


@pytest.mark.parametrize("key", ["points_given", "max"])
def test_a_record_of_another_version_is_none(tmp_path, key):
    table = json.loads(to_json(RECORD))
    if key == "max":
        del table["exercises"]["01.by-hand"]["max"]
    else:
        table[key] = 3
    (tmp_path / "ana.json").write_text(json.dumps(table))
    with pytest.raises(ValueError, match="holds no record"):
        read_record(tmp_path / "ana.json")
