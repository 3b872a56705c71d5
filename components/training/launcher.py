"""A training step as one recorded sequence of launches on a GPU, in place of hundreds of launches from Python.

What is recorded reads and writes addresses, not tensors, and holds every number of Python's as it was. So a step that
can be recorded keeps what it reads in tensors that stay where they are, and reads no number back from the device.
"""

from collections.abc import Callable, Sequence
from typing import Protocol

import torch

from .memory import is_lack_of_memory

WARM_UP = 3
"""How often a step is launched from Python before it is recorded: libraries prepare themselves on their first calls."""

Launch = Callable[[], None]


class Recording(Protocol):
    """A recorded sequence of launches."""

    def replay(self) -> None:
        """Launch all of it once, on the same addresses."""


class Recorder(Protocol):
    """How a device records launches."""

    def warm_up(self, launch: Launch) -> None:
        """Launch from Python, where it will be recorded."""

    def record(self, launch: Launch) -> Recording:
        """Record what ``launch`` launches, without running it.

        Raises:
            RuntimeError: it does what cannot be recorded, or the driver cannot record.
        """


class CudaGraphs:
    """Records CUDA graphs, on a stream of their own."""

    def __init__(self) -> None:
        self._stream = torch.cuda.Stream()

    def warm_up(self, launch: Launch) -> None:
        """Launch from Python, on the stream of the recordings."""
        current = torch.cuda.current_stream()
        self._stream.wait_stream(current)
        with torch.cuda.stream(self._stream):
            launch()
        current.wait_stream(self._stream)

    def record(self, launch: Launch) -> Recording:
        """Capture a graph; its memory is its own until it is dropped."""
        graph = torch.cuda.CUDAGraph()
        with torch.cuda.graph(graph, stream=self._stream):
            launch()
        return graph


def recorder_of(device: str) -> Recorder | None:
    """CUDA graphs on a GPU, nothing on a CPU, whose launches cost little."""
    return CudaGraphs() if torch.device(device).type == "cuda" else None


class Launcher:
    """Launches the same step over and over: from Python at first, then by replays of what was recorded.

    Args:
        recorder: of the device; None: launch from Python always.

    Attributes:
        notice: why steps are launched from Python although there is a recorder; None where they are not.
    """

    def __init__(self, recorder: Recorder | None):
        self.notice: str | None = None
        self._recorder = recorder
        self._launch: Launch | None = None
        self._reads: list[object] = []
        self._launched = 0
        self._recording: Recording | None = None

    def prepare(self, launch: Launch, reads: Sequence[object]) -> None:
        """State the step; a recording goes on in force if the step reads the same objects as before.

        Args:
            launch: the step.
            reads: all that it reads and writes beside what it makes itself. They are kept as long as the recording,
                which knows no more than their addresses.
        """
        same = len(reads) == len(self._reads) and all(a is b for a, b in zip(reads, self._reads, strict=True))
        if self._launch is None or not same:
            self.drop()
            self._launch, self._reads = launch, list(reads)

    def drop(self) -> None:
        """Forget the step and its recording, which frees the device's memory that it holds."""
        self._launch, self._recording = None, None
        self._reads, self._launched = [], 0

    def launch(self) -> None:
        """Run the step that was stated."""
        assert self._launch is not None, "no step was stated"
        if self._recorder is not None and self._recording is None:
            if self._launched < WARM_UP:
                self._launched += 1
                self._recorder.warm_up(self._launch)
                return
            self._recording = self._recorded(self._recorder, self._launch)
        if self._recording is None:
            self._launch()
        else:
            self._recording.replay()

    def _recorded(self, recorder: Recorder, launch: Launch) -> Recording | None:
        """None where it cannot be recorded: then no further step is tried either."""
        try:
            return recorder.record(launch)
        except RuntimeError as error:
            first: BaseException = error  # a capture that failed also fails to end, and raises that
            while first.__context__ is not None:
                first = first.__context__
            if is_lack_of_memory(first):
                raise first from None
            cause = (str(first).strip().splitlines() or [type(first).__name__])[0]
            self.notice = f"training steps are launched one by one, which is slower: no CUDA graph ({cause})"
            self._recorder = None
            return None
