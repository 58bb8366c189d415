"""Read the tensors of a file in PyTorch's first format (before 1.6, not a zip), without PyTorch.

Such a file is four pickles (a magic number, a version, facts about the machine, the state), the list of the storages'
keys as a fifth, and then each storage as a count, int64, and its numbers. See `torch/serialization.py`, `_legacy_save`.
A pickle can call anything; here it may name a dictionary, a tensor's parts and the types of storages, and nothing else.
"""

import collections
import io
import math
import pickle  # nosec  # read by an unpickler that may name six things
from typing import Any

import numpy as np
from numpy.typing import NDArray

MAGIC, VERSION = 0x1950A86A20F9469CFC6C, 1001
DTYPES = {"FloatStorage": "<f4", "DoubleStorage": "<f8", "LongStorage": "<i8", "IntStorage": "<i4"}
COUNT_BYTES = 8


class _Storage:
    """Numbers that are read later. dtype: of numpy."""

    def __init__(self, dtype: str) -> None:
        self.dtype = np.dtype(dtype)
        self.numbers: NDArray[Any] = np.zeros(0, self.dtype)


class _Tensor:
    """A view of a storage: offset, size and stride count numbers."""

    def __init__(
        self, storage: _Storage, offset: int, size: tuple[int, ...], stride: tuple[int, ...], *_: object
    ) -> None:
        self.storage, self.offset, self.size, self.stride = storage, offset, size, stride

    def array(self) -> NDArray[Any]:
        """A copy in C order. Raises ValueError for a view beyond its storage."""
        last = self.offset + sum((n - 1) * step for n, step in zip(self.size, self.stride, strict=True))
        count = len(self.storage.numbers)
        if min(self.offset, *self.size, *self.stride, 0) < 0 or last >= count or math.prod(self.size) > count:
            raise ValueError("a tensor is larger than its storage")
        steps = [step * self.storage.dtype.itemsize for step in self.stride]
        view = np.lib.stride_tricks.as_strided(self.storage.numbers[self.offset :], self.size, steps, writeable=False)
        return np.ascontiguousarray(view)


class _Unpickler(pickle.Unpickler):
    """Knows a dictionary, tensors and storages."""

    def __init__(self, file: io.BytesIO, storages: dict[str, _Storage]) -> None:
        super().__init__(file, encoding="latin-1")
        self._storages = storages

    def find_class(self, module: str, name: str) -> Any:
        if (module, name) == ("collections", "OrderedDict"):
            return collections.OrderedDict
        if (module, name) == ("torch._utils", "_rebuild_tensor_v2"):
            return _Tensor
        if module == "torch" and name in DTYPES:
            return DTYPES[name]
        raise ValueError(f"the file names {module}.{name}, which is no part of a tensor")

    def persistent_load(self, description: Any) -> _Storage:
        kind, dtype, key, *_ = description
        if kind != "storage":
            raise ValueError(f"the file holds {kind!r}, which is no storage")
        return self._storages.setdefault(str(key), _Storage(dtype))


def read_tensors(content: bytes) -> dict[str, NDArray[Any]]:
    """Every tensor of a state dictionary, by name, in C order. Raises ValueError for a file of another form."""
    file, storages = io.BytesIO(content), dict[str, _Storage]()
    try:
        magic, version, _, state, keys = (_Unpickler(file, storages).load() for _ in range(5))
        if (magic, version) != (MAGIC, VERSION):
            raise ValueError("not a file of PyTorch's first format")
        for key in keys:
            storage = storages[str(key)]
            count = int.from_bytes(file.read(COUNT_BYTES), "little")
            storage.numbers = np.frombuffer(file.read(count * storage.dtype.itemsize), storage.dtype)
            if len(storage.numbers) != count:
                raise ValueError("the file ends too early")
        return {str(name): value.array() for name, value in state.items() if isinstance(value, _Tensor)}
    except (pickle.UnpicklingError, EOFError, KeyError, TypeError, AttributeError, IndexError) as error:
        raise ValueError(f"not a file of tensors ({error})") from error
