"""Pickles of arrays are read, whoever wrote them; pickles that would do anything else are refused and do nothing."""

import os
import pickle
from collections import OrderedDict

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from hypothesis.extra import numpy as npst

from finegym.errors import FeatureError
from finegym.features.pose.safe_pickle import ArrayStandIn, ForbiddenGlobalError, read_arrays

PROTOCOLS = range(6)


@pytest.fixture(scope="module")
def load(tmp_path_factory):
    path = tmp_path_factory.mktemp("pickles") / "file.pkl"

    def load(data: bytes):
        path.write_bytes(data)
        return read_arrays(path)

    return load


class Runs:
    """Anything that runs when it is unpickled."""

    def __init__(self, function, *arguments):
        self.call = function, arguments

    def __reduce__(self):
        return self.call


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_arrays_and_plain_values_are_read(load, protocol):
    value = {
        "text": "é",
        "numbers": (1, 2.5, True, None, 2**70),
        "array": np.arange(6, dtype=np.float16).reshape(1, 2, 3),
        "columns first": np.asfortranarray(np.arange(6, dtype=np.float32).reshape(2, 3)),
        "big end first": np.arange(3, dtype=">f4"),
        "part": np.arange(10)[::3],
        "empty": np.zeros((0, 4), np.float32),
        "scalars": [np.int64(3), np.float32(0.5), np.bool_(True), np.str_("ü")],
        "bytes": b"\x00\xff",
        "set": {1, 2},
    }
    found = load(pickle.dumps(value, protocol))
    for key, expected in value.items():
        if isinstance(expected, np.ndarray):
            assert isinstance(found[key], ArrayStandIn)
            np.testing.assert_array_equal(found[key].array, expected)
            assert found[key].array.dtype == expected.dtype
        else:
            assert found[key] == expected


@given(
    array=npst.arrays(
        npst.floating_dtypes(sizes=(16, 32, 64)) | npst.integer_dtypes(),
        npst.array_shapes(min_dims=1, max_dims=4, min_side=0, max_side=3),
    ),
    protocol=st.sampled_from(PROTOCOLS),
)
def test_any_array_is_what_pickle_says(load, array, protocol):
    np.testing.assert_array_equal(load(pickle.dumps(array, protocol)).array, array)


def test_numpy_1_wrote_other_names(load):
    # Opcodes by hand, as NumPy 1.26 and Python 3.8 wrote float16 [1, 2] with protocol 2.
    stream = (
        b"\x80\x02cnumpy.core.multiarray\n_reconstruct\ncnumpy\nndarray\nK\x00\x85c_codecs\nencode\n"
        b"X\x01\x00\x00\x00bX\x06\x00\x00\x00latin1\x86R\x87R(K\x01K\x02\x85cnumpy\ndtype\nX\x02\x00\x00\x00f2\x89\x88\x87R"
        b"(K\x03X\x01\x00\x00\x00<NNNJ\xff\xff\xff\xffJ\xff\xff\xff\xffK\x00tb\x89c_codecs\nencode\n"
        b"X\x04\x00\x00\x00\x00<\x00@"
        b"X\x06\x00\x00\x00latin1\x86Rtb."
    )
    np.testing.assert_array_equal(load(stream).array, np.array([1, 2], np.float16))


def test_python_2_wrote_bytes_as_text(load):
    data = np.array([1.5], "<f4").tobytes()
    stream = (
        b"\x80\x02cnumpy.core.multiarray\n_reconstruct\ncnumpy\nndarray\nK\x00\x85U\x01b\x87R"
        b"(K\x01K\x01\x85cnumpy\ndtype\nU\x02f4K\x00K\x01\x87R(K\x03U\x01<NNNJ\xff\xff\xff\xffJ\xff\xff\xff\xffK\x00tb"
        b"\x89U\x04" + data + b"tb."
    )
    np.testing.assert_array_equal(load(stream).array, np.array([1.5], np.float32))


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_code_is_refused_named_and_not_run(load, tmp_path, protocol):
    trace = tmp_path / "ran"
    content = {"annotations": [{"frame_dir": "a", "keypoint": Runs(os.system, f"touch {trace}")}]}
    with pytest.raises(ForbiddenGlobalError, match=rf"{os.system.__module__}\.system") as raised:
        load(pickle.dumps(content, protocol))
    assert "file.pkl" in str(raised.value) and "\n" not in str(raised.value)
    assert not trace.exists()


@pytest.mark.parametrize(
    ("stream", "name"),
    [
        (b"cos\nsystem\n(S'true'\ntR.", "os.system"),
        (b"(S'true'\nios\nsystem\n.", "os.system"),
        (b"(cos\nsystem\nS'true'\no.", "os.system"),
        (b"\x80\x04\x8c\x08builtins\x8c\x04eval\x93\x8c\x011\x85R.", "builtins.eval"),
        (b"\x80\x04\x8c\x05numpy\x8c\x04load\x93.", "numpy.load"),
        (b"\x80\x04\x8c\x05numpy\x8c\x10ndarray.__init__\x93.", "numpy.ndarray.__init__"),
        (b"\x80\x02ctorch._utils\n_rebuild_tensor_v2\n.", "torch._utils._rebuild_tensor_v2"),
    ],
)
def test_every_way_to_ask_is_closed(load, stream, name):
    with pytest.raises(ForbiddenGlobalError, match=name.replace(".", r"\.")):
        load(stream)


def test_nothing_can_be_set_on_what_is_allowed(load):
    with pytest.raises(FeatureError, match="no state"):
        load(b"\x80\x02c_codecs\nencode\n}X\x01\x00\x00\x00aK\x01sb.")


def test_arrays_of_objects_are_refused(load):
    for protocol in PROTOCOLS:
        with pytest.raises(FeatureError, match="Python objects"):
            load(pickle.dumps(np.array([{}, []], dtype=object), protocol))
    with pytest.raises(FeatureError, match="dtype"):
        load(pickle.dumps(np.zeros(2, np.dtype([("x", "f4")])), 4))
    with pytest.raises(FeatureError, match="dtype"):
        load(pickle.dumps(np.zeros(2, "datetime64[s]"), 4))


def test_an_array_holds_no_more_than_is_there(load):
    stream = pickle.dumps(np.arange(3, dtype=np.float32), 2)
    with pytest.raises(FeatureError, match=r"400000000000 bytes, but 12 are there"):
        load(stream.replace(b"K\x01K\x03\x85", b"K\x01\x8a\x06" + (100_000_000_000).to_bytes(6, "little") + b"\x85"))


@pytest.mark.parametrize(
    "stream",
    [
        b"\x80\x02Nr\xff\xff\xff\x7f.",  # a memo of two thousand million places; harmless, since the memo is a dict
        b"\x80\x02c__builtin__\nbytearray\n\x8a\x06" + (10**12).to_bytes(6, "little") + b"\x85R.",
        b"\x80\x04\x8e" + (1 << 60).to_bytes(8, "little") + b"a.",
        b"\x80\x05\x96" + (1 << 60).to_bytes(8, "little") + b"a.",
        b"\x80\x05\x96" + (1 << 28).to_bytes(8, "little") + b"a.",  # little enough for Python to make it
        b"\x80\x04\x95" + (1 << 60).to_bytes(8, "little") + b"a.",
    ],
)
def test_numbers_in_a_stream_cost_no_memory(load, stream):
    import tracemalloc

    tracemalloc.start()
    try:
        load(stream)
    except FeatureError:
        pass
    finally:
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
    assert peak < 1e7


SOUND = pickle.dumps({"annotations": [{"keypoint": np.arange(4, dtype=np.float16), "label": np.int64(3)}]}, 4)


@given(place=st.integers(0, len(SOUND) - 1), byte=st.integers(0, 255), end=st.integers(1, len(SOUND)))
@example(place=0, byte=0x80, end=5)
def test_a_damaged_pickle_is_read_or_refused(load, place, byte, end):
    damaged = bytearray(SOUND)
    damaged[place] = byte
    try:
        load(bytes(damaged[:end]))
    except FeatureError as error:
        assert "file.pkl" in str(error)


def test_an_ordered_dict_is_a_dict_and_has_no_attributes(load):
    assert load(pickle.dumps(OrderedDict(a=1), 2)) == {"a": 1}
    with_state = pickle.dumps(OrderedDict(a=1), 2)[:-1] + b"}U\x03getK\x01sb."
    with pytest.raises(FeatureError):
        load(with_state)


def test_what_is_no_pickle_is_said(load, tmp_path):
    for data in (b"", b"\x93NUMPY\x01", b"PK\x03\x04", b"{}", b"<html>", b"Pthere\n."):
        with pytest.raises(FeatureError, match="expected a pickle"):
            load(data)
    with pytest.raises(FeatureError, match="cannot be read"):
        read_arrays(tmp_path / "none.pkl")
