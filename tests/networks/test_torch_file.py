"""networks.torch_file: tensors of PyTorch's first format, without PyTorch, and nothing else."""

import collections
import pickle
import struct
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from networks.torch_file import MAGIC, VERSION, read_tensors


class Name:
    """Pickled as the bare name of something in a module that need not be there."""

    def __init__(self, module: str, name: str) -> None:
        self.module, self.name = module, name


class Call:
    """Pickled as a call. arguments: of plain values, Names and Storages."""

    def __init__(self, function: Name, *arguments: Any) -> None:
        self.function, self.arguments = function, arguments


class Storage:
    def __init__(self, key: str, kind: str, count: int) -> None:
        self.key, self.kind, self.count = key, kind, count


Pickler: Any = pickle._Pickler  # the one that is written in Python can be taught names


class Writer(Pickler):  # type: ignore[misc]
    def persistent_id(self, value: Any) -> Any:
        if isinstance(value, Storage):
            return ("storage", Name("torch", value.kind), value.key, "cpu", value.count, None)
        return None

    def save(self, value: Any, save_persistent_id: bool = True) -> None:
        if isinstance(value, Name):
            self.write(b"c" + value.module.encode() + b"\n" + value.name.encode() + b"\n")
        elif isinstance(value, Call):
            self.save(value.function)
            self.save(value.arguments)
            self.write(b"R")
        else:
            super().save(value, save_persistent_id)


REBUILD = Name("torch._utils", "_rebuild_tensor_v2")


def tensor(storage: Storage, offset: int, size: tuple[int, ...], stride: tuple[int, ...]) -> Call:
    return Call(REBUILD, storage, offset, size, stride, False, collections.OrderedDict())


def written(tmp_path: Path, state: Any, storages: dict[str, bytes], counts: dict[str, int]) -> bytes:
    path = tmp_path / "weights.pth"
    with path.open("wb") as file:
        for value in (MAGIC, VERSION, {"little_endian": True}):
            pickle.dump(value, file, protocol=2)
        Writer(file, protocol=2).dump(state)
        pickle.dump(list(storages), file, protocol=2)
        for key, content in storages.items():
            file.write(struct.pack("<q", counts[key]) + content)
    return path.read_bytes()


NUMBERS = np.arange(12, dtype="<f4")
STORAGE = Storage("7", "FloatStorage", 12)


def test_views_of_a_storage_are_read_by_their_strides(tmp_path: Path) -> None:
    """A permuted matrix, a part with an offset and a single number share one storage."""
    state = {
        "plain": tensor(STORAGE, 0, (3, 4), (4, 1)),
        "permuted": tensor(STORAGE, 0, (4, 3), (1, 4)),
        "part": tensor(STORAGE, 5, (2, 2), (3, 1)),
    }
    read = read_tensors(written(tmp_path, state, {"7": NUMBERS.tobytes()}, {"7": 12}))
    np.testing.assert_array_equal(read["plain"], NUMBERS.reshape(3, 4))
    np.testing.assert_array_equal(read["permuted"], NUMBERS.reshape(3, 4).T)
    np.testing.assert_array_equal(read["part"], [[5, 6], [8, 9]])
    assert all(value.flags.c_contiguous for value in read.values())


@pytest.mark.parametrize(
    "called",
    [
        Call(Name("os", "system"), "touch here"),
        Call(Name("builtins", "eval"), "1"),
        Call(Name("torch", "load"), "x"),
        Call(Name("collections", "Counter")),
    ],
)
def test_a_file_that_calls_something_else_is_refused(called: Call, tmp_path: Path) -> None:
    """Nothing of it runs."""
    with pytest.raises(ValueError, match="which is no part of a tensor"):
        read_tensors(written(tmp_path, {"weight": called}, {}, {}))


@pytest.mark.parametrize(
    ("offset", "size", "stride"),
    [(0, (4, 4), (4, 1)), (9, (2, 2), (3, 1)), (-1, (2,), (1,)), (3, (2,), (-1,)), (0, (1 << 40, 1 << 40), (0, 0))],
)
def test_a_tensor_beyond_its_storage_is_refused(
    offset: int, size: tuple[int, ...], stride: tuple[int, ...], tmp_path: Path
) -> None:
    """Other memory of the process is never read, and a huge view of one number is never made."""
    content = written(tmp_path, {"w": tensor(STORAGE, offset, size, stride)}, {"7": NUMBERS.tobytes()}, {"7": 12})
    with pytest.raises(ValueError, match="larger than its storage"):
        read_tensors(content)


def test_whatever_is_no_such_file_is_refused(tmp_path: Path) -> None:
    """Each beginning of a file, and bytes of another kind, end in ValueError."""
    state = {"plain": tensor(STORAGE, 0, (3, 4), (4, 1))}
    content = written(tmp_path, state, {"7": NUMBERS.tobytes()}, {"7": 12})
    for broken in (*(content[:end] for end in range(len(content))), b"PK\x03\x04" + bytes(50), pickle.dumps({})):
        with pytest.raises(ValueError, match=r"."):
            read_tensors(broken)
