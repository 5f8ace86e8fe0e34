"""Paths are taken as the shell would give them: it leaves a ``~`` alone that is quoted or stands behind ``=``."""

import pytest

from coursekit.cli import parse


@pytest.mark.parametrize(
    ("command", "names"),
    [
        (["lab", "~/x"], ["folder"]),
        (["progress", "~/x"], ["folder"]),
        (["report", "m", "--pictures=~/x", "--to=~/x", "--classes=~/x"], ["pictures", "to", "classes"]),
        (
            ["homework", "release", "01", "--students=~/x", "--to=~/x", "--secret-file=~/x"],
            ["students", "to", "secret_file"],
        ),
        (["homework", "grade", "~/x", "--students=~/x", "--to=~/x"], ["submissions", "students", "to"]),
        (["homework", "try", "~/x", "--to=~/x", "--secret-file=~/x"], ["submissions", "to", "secret_file"]),
        (["homework", "copies", "01", "--to=~/x"], ["to"]),
    ],
)
def test_the_home_folder(command, names, tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("USERPROFILE", str(tmp_path))
    args, _ = parse(command)
    assert [getattr(args, name) for name in names] == [tmp_path / "x"] * len(names)


def test_other_paths_stay_as_they_are():
    args, _ = parse(["report", "m", "--pictures", "a/../b", "--to", "~nobody-of-this-name/x"])
    assert (str(args.pictures), str(args.to)) == ("a/../b", "~nobody-of-this-name/x")
