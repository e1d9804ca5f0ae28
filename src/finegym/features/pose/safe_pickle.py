"""Reading pickles of NumPy arrays without running what is in them.

A pickle is a programme: it may name any function of any module and call it. Here it may name only what follows, under
NumPy 1's and NumPy 2's module names, and even these names lead to stand-ins of ours: no NumPy function is ever called
with values of the file, arrays hold no more than the bytes that are there, and arrays of Python objects do not exist.

Pickle's Python implementation does the reading: it keeps its memo in a dict, while the C one makes a table as long as
the largest number a file states (34 GB for a file of nine bytes). It takes a second more for the 35,000 clips of Gym99.
"""

from __future__ import annotations

import io
import math
import os
import pickle
import re
import struct
from collections.abc import Callable
from pathlib import Path
from typing import Any, ClassVar

import numpy as np

from finegym.errors import FeatureError

_NUMBERS = re.compile(r"b1|[iu][1248]|f[248]")
_TEXT = re.compile(r"[US]\d{1,6}")
# What a damaged stream makes pickle raise; its documentation gives no complete list.
_DAMAGE = (
    pickle.UnpicklingError,
    ArithmeticError,
    AttributeError,
    EOFError,
    ImportError,
    LookupError,
    MemoryError,
    RecursionError,
    TypeError,
    ValueError,
    struct.error,
)


class ForbiddenGlobalError(FeatureError):
    """A pickle asks for a function or class that it has no need of."""


class ArrayStandIn:
    """What a pickled array becomes; ``array`` is there once the stream has given its content."""

    __slots__ = ("array",)

    def __init__(self) -> None:
        self.array: np.ndarray | None = None

    def __setstate__(self, state: Any) -> None:
        _, shape, dtype, is_fortran, data = state
        self.array = _make_array(data, dtype, shape, "F" if is_fortran else "C")


class _DtypeStandIn:
    __slots__ = ("code", "order")

    def __init__(self, code: str) -> None:
        self.code, self.order = code, "="

    def __setstate__(self, state: Any) -> None:
        order, subarray, names, fields = state[1:5]
        if subarray is not None or names is not None or fields is not None:
            raise FeatureError("holds arrays with named fields; expected arrays of plain numbers")
        self.order = str(order)

    def get(self) -> np.dtype[Any]:
        return np.dtype((self.order if self.order in ("<", ">") else "=") + self.code)


class _Call:
    """A function that a pickle may call. Nothing can be set on it, unlike on a function."""

    __slots__ = ("_call",)

    def __init__(self, call: Callable[..., Any]) -> None:
        self._call = call

    def __call__(self, *args: Any) -> Any:
        return self._call(*args)

    def __setstate__(self, state: Any) -> None:
        raise pickle.UnpicklingError("a function has no state")


def _make_dtype(code: Any, *_: Any) -> _DtypeStandIn:
    name = str(code).lstrip("<>=|")
    if name.startswith("O"):
        raise FeatureError("holds arrays of Python objects (dtype object); expected arrays of plain numbers")
    if not _NUMBERS.fullmatch(name) and not _TEXT.fullmatch(name):
        raise FeatureError(f"holds arrays of dtype {str(code)[:40]!r}; expected floats and integers")
    return _DtypeStandIn(name)


def _make_array(data: Any, dtype: _DtypeStandIn, shape: Any, order: str) -> np.ndarray:
    data = data.encode("latin-1") if isinstance(data, str) else data  # Python 2's strings
    dtype_, shape_ = dtype.get(), tuple(int(size) for size in shape)
    promised = math.prod(shape_) * dtype_.itemsize
    if min(shape_, default=0) < 0 or promised != len(data):
        raise FeatureError(f"an array of {dtype_} {shape_} should have {promised} bytes, but {len(data)} are there")
    return np.frombuffer(data, dtype_).reshape(shape_, order="F" if order == "F" else "C")


def _make_array_stand_in(data: Any, dtype: _DtypeStandIn, shape: Any, order: str) -> ArrayStandIn:
    made = ArrayStandIn()
    made.array = _make_array(data, dtype, shape, order)
    return made


def _make_scalar(dtype: _DtypeStandIn, data: Any) -> Any:
    return _make_array(data, dtype, (), "C").item()


def _encode(text: Any, encoding: Any) -> bytes:
    # How protocol 2 writes bytes.
    if encoding not in ("latin1", "latin-1"):
        raise pickle.UnpicklingError(f"bytes are written as latin1, not {encoding!r}")
    return str(text).encode("latin-1")


def _copy_bytes(*args: Any) -> bytes:
    # bytearray(n) would make n bytes out of nothing.
    if args and not isinstance(args[0], (bytes, bytearray, str)):
        raise pickle.UnpicklingError("a bytearray is made of bytes")
    return b"" if not args else args[0].encode("latin-1") if isinstance(args[0], str) else bytes(args[0])


_MARK = _Call(lambda *_: ArrayStandIn())  # the class ndarray, an argument of ``_reconstruct``
_BUILTINS: dict[str, Callable[..., Any]] = {
    "bytearray": _copy_bytes,
    "bytes": _copy_bytes,
    "set": set,
    "frozenset": frozenset,
}
_ALLOWED: dict[tuple[str, str], Any] = {
    **{(f"numpy.{core}.multiarray", "_reconstruct"): _MARK for core in ("core", "_core")},
    **{(f"numpy.{core}.multiarray", "scalar"): _Call(_make_scalar) for core in ("core", "_core")},
    **{(f"numpy.{core}.numeric", "_frombuffer"): _Call(_make_array_stand_in) for core in ("core", "_core")},
    ("numpy", "ndarray"): _MARK,
    ("numpy", "dtype"): _Call(_make_dtype),
    ("_codecs", "encode"): _Call(_encode),
    ("collections", "OrderedDict"): _Call(dict),  # which, unlike an OrderedDict, has no attributes to be set
    **{(module, name): _Call(call) for module in ("builtins", "__builtin__") for name, call in _BUILTINS.items()},
}


class _Unpickler(pickle._Unpickler):  # type: ignore[name-defined, misc, unused-ignore]
    num_bytes = 0  # of the file
    dispatch: ClassVar[dict[int, Any]] = dict(pickle._Unpickler.dispatch)  # type: ignore[attr-defined, unused-ignore]

    def load_bytearray8(self: Any) -> None:
        # Python's own makes the bytearray, as long as the file says, before it reads.
        (size,) = struct.unpack("<Q", self.read(8))
        if size > self.num_bytes:
            raise pickle.UnpicklingError(f"a bytearray of {size} bytes in a file of {self.num_bytes}")
        self.append(self.read(size))

    dispatch[pickle.BYTEARRAY8[0]] = load_bytearray8

    def find_class(self, module: str, name: str) -> Any:
        allowed = _ALLOWED.get((module, name))
        if allowed is None:
            raise ForbiddenGlobalError(
                f"asks for {module}.{name}, which arrays have no need of. A pickle that does so can run any code, so "
                "it was not opened and nothing was run. Ask its source for plain NumPy arrays"
            )
        return allowed

    def persistent_load(self, pid: Any) -> Any:
        raise pickle.UnpicklingError(f"asks for an outside object, {str(pid)[:40]!r}")


def read_arrays(path: Path) -> Any:
    """What a pickle of plain values and NumPy arrays holds; protocols 0 to 5, NumPy 1 and 2.

    Returns:
        Lists, tuples, dicts, numbers and text. Arrays are ``ArrayStandIn``, NumPy's scalars are Python's.

    Raises:
        FeatureError: it cannot be read or is damaged; ``ForbiddenGlobalError``: it asks for anything else, which is
            named. The message begins with the path.
    """
    try:
        with Path(path).open("rb") as file:
            return _load(file)
    except OSError as error:
        raise FeatureError(f"{path}: cannot be read: {error.strerror}. Check the path.") from error
    except FeatureError as error:
        raise type(error)(f"{path}: {error}.") from error
    except _DAMAGE as error:
        raise FeatureError(
            f"{path}: expected a pickle, but it is damaged or something else ({type(error).__name__}: {error})."
        ) from error


def _load(file: io.BufferedReader) -> Any:
    # Python 2 wrote text and arrays alike as bytes; latin1 keeps every byte.
    unpickler = _Unpickler(file, encoding="latin1")
    unpickler.num_bytes = os.fstat(file.fileno()).st_size
    return unpickler.load()
