"""The wire between the grader and the sandbox: plain values as JSON, written on one side and read on the other.

A value is null, true, a number, a text, or an array as {"dtype", "shape", "data"}. One line of JSON is one message.
There is no pickle, no zip and no .npy header in it, so there is nothing that could run, unfold or name a file.

What comes out of the sandbox may come from anybody: it is data, checked before it is used. Student code shares the
process with the writer, so all of the care is with the reader.
"""

from __future__ import annotations

import base64
import enum
import json
import math
from typing import Any, NamedTuple

import numpy as np

from coursekit.exercises.refused import MOST_MESSAGE as MOST_MESSAGE, RefusedError, clean

MOST_TEXT = 20_000  # characters of an answer that is text
MOST_BYTES = 4_000_000  # of an answer that is an array
MOST_LINE = 35_000_000  # bytes of a message: six arrays of the largest size
_MOST_PARTS = 50_000  # commas and brackets; a line of nothing else would fill the memory when it is read
_MOST_DEPTH = 8
_MOST_AXES = 16
_DTYPES = ("|b1", "|i1", "|u1", *(f"<{kind}" for kind in ("i2", "i4", "i8", "u2", "u4", "u8", "f2", "f4", "f8")))
_FIELDS = {"ready", "begin", "end", "error", "exercise", "missing", "answers", "done"}


class NotPlainError(Exception):
    """A value that is no number, no text and no array of numbers."""


class Fault(enum.Enum):
    """Why there is no value, as the runner writes it."""

    ERROR = "error"
    LATE = "late"
    NOT_PLAIN = "not_plain"


class Answer(NamedTuple):
    """One answer: its plain value; or what was wrong, and what the error or the value's type says."""

    value: Any = None
    fault: Fault | None = None
    says: str = ""


def encode(value: object) -> object:
    """Return a value as plain JSON.

    Raises:
        NotPlainError: It is something else, or too large.
    """
    if value is None or type(value) in (bool, float):
        return value
    if type(value) is int and abs(value) < 2**63:
        return value
    if isinstance(value, str):
        text = str.__str__(value)
        if len(text) > MOST_TEXT:
            raise NotPlainError(f"a text of {len(text)} characters")
        return text
    try:
        array = np.array(value)  # a copy, of NumPy's own class
    except Exception:
        array = np.array(None)
    if array.dtype.kind not in "biuf":
        raise NotPlainError(f"of type {type(value).__name__}, not a number, text or array of numbers")
    if array.dtype.kind == "f" and array.dtype.itemsize > 8:
        array = array.astype(np.float64)
    if array.nbytes > MOST_BYTES:
        raise NotPlainError(f"an array of shape {array.shape}, which is too large")
    array = np.ascontiguousarray(array.astype(array.dtype.newbyteorder("<"))).reshape(array.shape)
    data = base64.b64encode(array.tobytes()).decode()
    return {"dtype": array.dtype.str, "shape": list(array.shape), "data": data}


def encode_case(case: dict) -> dict:
    """Return what is given in a case, {name: value}, as plain JSON.

    Unlike in answers, a list stays a list: a function gets the same here as in the lesson, where it may write
    ``[1] + strides`` or ``strides.pop(0)``.

    Raises:
        NotPlainError: It would be of another type when it is read again.
    """
    encoded = {}
    for name, value in case.items():
        if isinstance(value, list):
            encoded[name] = [_encode_scalar(one) for one in value]
        elif isinstance(value, np.ndarray) and value.ndim:
            encoded[name] = encode(value)
        else:
            encoded[name] = _encode_scalar(value)
    return encoded


def read_case(case: dict) -> dict:
    """Return what is given in a case, anew at each call, from what ``encode_case`` made of it."""
    return {
        name: [read_value(one) for one in value] if isinstance(value, list) else read_value(value)
        for name, value in case.items()
    }


def read_message(line: bytes) -> dict:
    """Return one message of the runner.

    Raises:
        RefusedError: It is no JSON object of the agreed kind.
    """
    if len(line) > MOST_LINE:
        raise RefusedError(f"a line of {len(line)} bytes")
    if sum(line.count(part) for part in (b",", b"[", b"{")) > _MOST_PARTS:
        raise RefusedError("a line of too many parts")
    try:
        message = json.loads(line.decode(), object_pairs_hook=_no_key_twice)
    except RefusedError:
        raise
    except (ValueError, RecursionError) as error:  # UnicodeDecodeError and numbers of thousands of digits among them
        raise RefusedError(f"a line that is not JSON ({type(error).__name__})") from None
    if not isinstance(message, dict) or not set(message) <= _FIELDS:
        raise RefusedError("a line that is no message")
    _check_depth(message, _MOST_DEPTH)
    return message


def read_answer(answer: Any) -> Answer:
    """Return one answer.

    Args:
        answer: {"value": ...}, {"error": text}, {"late": true} or {"not_plain": text}.

    Raises:
        RefusedError: It is nothing of that, or its value is not plain data.
    """
    if isinstance(answer, dict) and len(answer) == 1:
        ((field, content),) = answer.items()
        if field == "value":
            return Answer(read_value(content))
        if field in {fault.value for fault in Fault}:
            return Answer(fault=Fault(field), says=clean(content))
    raise RefusedError("an answer that is no answer")


def read_value(value: Any) -> Any:
    """Return None, a bool, a number, a string or an array of bool, int, unsigned or float, anew at each call.

    Raises:
        RefusedError: It is something else, too large, or the bytes don't fit the shape.
    """
    if value is None or isinstance(value, (bool, float)):
        return value
    if isinstance(value, int):
        if abs(value) >= 2**63:
            raise RefusedError("a whole number of more than 64 bits")
        return value
    if isinstance(value, str):
        if len(value) > MOST_TEXT:
            raise RefusedError(f"a text of {len(value)} characters")
        return value
    if not isinstance(value, dict) or set(value) != {"dtype", "shape", "data"}:
        raise RefusedError("a value that is neither a number nor a text nor an array")
    return _array(**value)


def _array(dtype: Any, shape: Any, data: Any) -> np.ndarray:
    if dtype not in _DTYPES:
        raise RefusedError("an array of a type that is not agreed on")
    if not isinstance(shape, list) or len(shape) > _MOST_AXES or any(type(n) is not int or n < 0 for n in shape):
        raise RefusedError("an array whose shape is no shape")
    kind = np.dtype(dtype)
    count = math.prod(shape)
    if count * kind.itemsize > MOST_BYTES or max(shape, default=0) > MOST_BYTES:
        raise RefusedError("an array that is too large")
    try:
        content = base64.b64decode(data, validate=True)
    except (ValueError, TypeError):
        raise RefusedError("an array whose bytes are not base64") from None
    if len(content) != count * kind.itemsize:
        raise RefusedError("an array whose bytes do not fit its shape")
    if kind.kind == "b":  # a bool of another byte than 0 and 1 is neither true nor false
        return (np.frombuffer(content, np.uint8) != 0).reshape(shape)
    return np.frombuffer(content, kind).astype(kind.newbyteorder("=")).reshape(shape)


def _encode_scalar(value: object) -> object:
    if type(value) not in (bool, int, float, str):
        raise NotPlainError(f"of type {type(value).__name__}: a case may hold numbers, texts, lists of them and arrays")
    return encode(value)


def _no_key_twice(pairs: list[tuple[str, Any]]) -> dict:
    read = dict(pairs)
    if len(read) != len(pairs):
        raise RefusedError("a line with a key twice")
    return read


def _check_depth(value: Any, left: int) -> None:
    if left == 0:
        raise RefusedError("a line with too many levels")
    if isinstance(value, (dict, list)):
        for part in value.values() if isinstance(value, dict) else value:
            _check_depth(part, left - 1)
