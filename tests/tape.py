"""A recorder for a CPU: a tape of operations, replayed as a CUDA graph is, without running any Python again.

What was made in the recording is made anew in each replay. What came from outside is read where it was, and every
number of Python's is as it was. To read what was freed, or was made on the host in the recording, is an error.
"""

import weakref
from dataclasses import dataclass
from typing import Any

import torch
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_map


@dataclass(frozen=True)
class Placed:
    """A tensor by the storage that it is in."""

    storage: int
    dtype: torch.dtype
    size: tuple[int, ...]
    stride: tuple[int, ...]
    offset: int


class Tape(TorchDispatchMode):
    """Records the operations that are run under it, and undoes what they did to tensors from outside."""

    def __init__(self):
        super().__init__()
        self.operations: list[tuple[Any, Any, Any, list[Placed]]] = []
        self.outside: dict[int, weakref.ref] = {}
        self._numbers: dict[int, int] = {}
        self._held: list[torch.UntypedStorage] = []  # while it records, so that no address is used twice
        self._before: dict[int, torch.UntypedStorage] = {}

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        if func is torch.ops.aten._local_scalar_dense.default:
            raise RuntimeError("a number is read back while the step is recorded")
        given = tree_map(self._placed, (args, kwargs or {}))
        result = func(*args, **(kwargs or {}))
        made = [self._placed(x, made=True) for x in _tensors(result)]
        self.operations.append((func, *given, made))
        return result

    def end(self) -> None:
        for number, before in self._before.items():
            self.outside[number]().copy_(before)
        self._before.clear()
        self._held.clear()

    def replay(self) -> None:
        storages: dict[int, torch.UntypedStorage] = {}

        def there(x):
            if not isinstance(x, Placed):
                return x
            storage = self.outside[x.storage]() if x.storage in self.outside else storages[x.storage]
            assert storage is not None, "the recording reads a tensor that is no longer there"
            return torch.empty(0, dtype=x.dtype).set_(storage, x.offset, x.size, x.stride)

        for func, args, kwargs, made in self.operations:
            result = func(*tree_map(there, args), **tree_map(there, kwargs))
            for place, x in zip(made, _tensors(result), strict=True):
                if place.storage not in self.outside:
                    storages[place.storage] = x.untyped_storage()

    def _placed(self, x, made: bool = False):
        if not isinstance(x, torch.Tensor):
            return x
        storage = x.untyped_storage()
        address = storage._cdata
        if address not in self._numbers:
            number = self._numbers[address] = len(self._numbers)
            self._held.append(storage)
            if not made:
                self.outside[number] = weakref.ref(storage)
                self._before[number] = storage.clone()
        return Placed(self._numbers[address], x.dtype, tuple(x.shape), x.stride(), x.storage_offset())


class Tapes:
    """The recorder; counts what is asked of it.

    Args:
        refuses: the message with which each recording fails, as a driver's would; None: none does.
    """

    def __init__(self, refuses: str | None = None):
        self.refuses = refuses
        self.warmed = self.recorded = self.replayed = 0

    def __call__(self, device: str) -> "Tapes":
        return self

    def warm_up(self, launch) -> None:
        self.warmed += 1
        launch()

    def record(self, launch) -> "Replays":
        if self.refuses is not None:
            raise RuntimeError(self.refuses)
        self.recorded += 1
        tape = Tape()
        try:
            with tape:
                launch()
        finally:
            tape.end()
        return Replays(tape, self)


@dataclass
class Replays:
    tape: Tape
    owner: Tapes

    def replay(self) -> None:
        self.owner.replayed += 1
        self.tape.replay()


def _tensors(result) -> list[torch.Tensor]:
    found: list[torch.Tensor] = []
    tree_map(lambda x: found.append(x) if isinstance(x, torch.Tensor) else None, result)
    return found
