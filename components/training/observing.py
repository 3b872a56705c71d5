"""Looking on while torch computes."""

from collections.abc import Callable, Sequence
from typing import Any

from torch.utils._python_dispatch import TorchDispatchMode


class Observing(TorchDispatchMode):
    """Is told of every operation under it, once it is done, and changes none."""

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]  # torch's has no annotations

    def saw(self, operation: Callable[..., Any], args: tuple[Any, ...], result: Any) -> None:
        """Called after each operation, with its positional arguments and its result."""
        raise NotImplementedError

    def __torch_dispatch__(
        self,
        func: Callable[..., Any],
        types: Sequence[type],
        args: tuple[Any, ...] = (),
        kwargs: dict[str, Any] | None = None,
    ) -> Any:
        result = func(*args, **(kwargs or {}))
        self.saw(func, args, result)
        return result
