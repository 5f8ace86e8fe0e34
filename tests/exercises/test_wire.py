"""What comes out of the sandbox is read as data, or refused."""

import base64
import json

import numpy as np
import pytest

from coursekit.exercises import wire
from coursekit.exercises.wire import Answer, Fault, RefusedError
from coursekit.homework.sandbox import runner


def _there_and_back(value):
    return wire.read_value(json.loads(json.dumps(wire.encode(value))))


@pytest.mark.parametrize("value", [None, True, False, 0, -7, 2**63 - 1, 1.5, float("inf"), "coffee", "ÿ\n", ""])
def test_plain_values_come_back(value):
    assert _there_and_back(value) == value
    assert type(_there_and_back(value)) is type(value)


@pytest.mark.parametrize("kind", ["?", "i1", "u8", "<i4", ">i4", "<f2", ">f8", "f4", "longdouble"])
@pytest.mark.parametrize("shape", [(), (0,), (3,), (2, 0, 4), (2, 3, 4)])
def test_arrays_come_back(kind, shape):
    array = np.random.default_rng(0).uniform(-3, 100, shape).astype(kind)
    back = _there_and_back(array)
    assert back.shape == shape
    assert back.dtype.isnative
    assert np.array_equal(back, array)


def test_what_is_like_an_array_comes_back_as_one():
    strided = np.arange(24).reshape(4, 6)[::-2, ::3]
    assert np.array_equal(_there_and_back(strided), strided)
    assert np.array_equal(_there_and_back([[1, 2], [3, 4]]), [[1, 2], [3, 4]])
    assert _there_and_back(np.float32(0.1)) == np.float32(0.1)
    assert np.isnan(_there_and_back(float("nan")))
    assert type(_there_and_back(np.str_("text"))) is str
    masked = np.ma.array([1, 2], mask=[True, False])
    assert type(_there_and_back(masked)) is np.ndarray


@pytest.mark.parametrize(
    "value",
    [{"a": 1}, object(), 1j, b"\x80\x04", [[1], [1, 2]], np.array(["a"]), np.array([object()]), 10**30, {1, 2}, len],
)
def test_other_values_are_not_plain(value):
    with pytest.raises(wire.NotPlainError, match="not a number, text or array"):
        wire.encode(value)


def test_large_values_are_not_sent():
    with pytest.raises(wire.NotPlainError, match="too large"):
        wire.encode(np.zeros(wire.MOST_BYTES + 1, np.uint8))
    with pytest.raises(wire.NotPlainError, match="20001 characters"):
        wire.encode("x" * 20_001)


def test_each_case_is_a_fresh_copy():
    encoded = wire.encode(np.arange(3))
    first = wire.read_value(encoded)
    first[:] = 0
    assert np.array_equal(wire.read_value(encoded), [0, 1, 2])


def _array(dtype="<f4", shape=(2,), data=b"\0" * 8):
    return {"dtype": dtype, "shape": list(shape), "data": base64.b64encode(data).decode()}


@pytest.mark.parametrize(
    ("value", "reason"),
    [
        (_array(dtype="|O", data=b"\0" * 16), "type"),
        (_array(dtype="O"), "type"),
        (_array(dtype="<U4"), "type"),
        (_array(dtype="<c8"), "type"),
        (_array(dtype=["<f4"]), "type"),
        (_array(dtype="f4,f4"), "type"),
        (_array(shape=[-2]), "no shape"),
        (_array(shape=[True, 2]), "no shape"),
        (_array(shape=[2.0]), "no shape"),
        (_array(shape=[1] * 17), "no shape"),
        ({**_array(), "shape": 2}, "no shape"),
        (_array(shape=[10**6, 10**6]), "too large"),
        (_array(shape=[0, 10**30], data=b""), "too large"),
        (_array(shape=[3]), "do not fit"),
        (_array(shape=[1]), "do not fit"),
        ({**_array(), "data": "not base64!"}, "not base64"),
        ({**_array(), "data": 7}, "not base64"),
        ({**_array(), "fortran": True}, "neither"),
        ({}, "neither"),
        ([1, 2], "neither"),
        (2**63, "64 bits"),
        ("x" * 20_001, "20001 characters"),
    ],
)
def test_refused_values(value, reason):
    with pytest.raises(RefusedError, match=reason):
        wire.read_value(value)


def test_a_bool_is_true_or_false_whatever_its_byte():
    assert wire.read_value(_array("|b1", [3], b"\x00\x01\x07")).tolist() == [False, True, True]


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        (b"", "not JSON"),
        (b"\x80\x04\x95\x1e\x00.", "not JSON"),  # a pickle
        (b"PK\x03\x04", "not JSON"),  # a zip
        (b"\x93NUMPY\x01\x00", "not JSON"),
        (b'{"done": true} {"done": true}', "not JSON"),
        (b'{"begin": ' + b"9" * 5000 + b"}", "not JSON"),
        (b"[" * 40_000, "not JSON"),
        (b"[" * 60_000, "too many parts"),
        (b"[" + b"1," * 60_000 + b"1]", "too many parts"),
        (b'{"answers": [[[[[[[[[1]]]]]]]]]}', "levels"),
        (b"[1]", "no message"),
        (b"3", "no message"),
        (b'{"points": 3}', "no message"),
        (b'{"end": 1, "end": 2}', "key twice"),
        (b'{"answers": [{"value": 1, "value": 2}]}', "key twice"),
        (b" " * (wire.MOST_LINE + 1), "bytes"),
    ],
)
def test_refused_lines(line, reason):
    with pytest.raises(RefusedError, match=reason):
        wire.read_message(line)


def test_read_message():
    assert wire.read_message(b'{"end": 3, "error": null}') == {"end": 3, "error": None}


@pytest.mark.parametrize(
    ("answer", "read"),
    [
        ({"value": 3}, Answer(3)),
        ({"late": True}, Answer(fault=Fault.LATE)),
        ({"error": "ValueError: no\x1b[2J\u202e!"}, Answer(fault=Fault.ERROR, says="ValueError: no [2J !")),
        ({"error": 7}, Answer(fault=Fault.ERROR)),
        ({"not_plain": "x" * 1000}, Answer(fault=Fault.NOT_PLAIN, says="x" * 300)),
    ],
)
def test_read_answer(answer, read):
    assert wire.read_answer(answer) == read


@pytest.mark.parametrize("answer", [None, 3, {}, {"points": 3}, {"value": 1, "late": True}, [1]])
def test_refused_answers(answer):
    with pytest.raises(RefusedError):
        wire.read_answer(answer)


def test_an_error_is_told_in_one_line():
    class Broken(Exception):
        def __str__(self):
            raise KeyboardInterrupt

    assert runner.describe(ValueError("first\nsecond")) == "ValueError: first"
    assert runner.describe(NotImplementedError()) == "NotImplementedError"
    assert runner.describe(Broken()) == "Broken"
    assert len(runner.describe(ValueError("x" * 10_000))) == 300
