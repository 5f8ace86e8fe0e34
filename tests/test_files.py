import pytest

from coursekit.files import write_whole, writing


def test_whole_or_not_at_all(tmp_path):
    target = tmp_path / "secret.txt"
    write_whole(target, b"1", mode=0o600)
    assert target.stat().st_mode & 0o777 == 0o600
    write_whole(target, b"2")
    assert target.read_bytes() == b"2"
    with pytest.raises(TypeError), writing(target) as file:
        file.write("no bytes")
    assert target.read_bytes() == b"2"
    assert [path.name for path in tmp_path.iterdir()] == ["secret.txt"]
