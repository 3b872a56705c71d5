"""A stopwatch of the stages of an answer: decoding, encoding, fusing."""

import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import Any

AUDIO = "audio"


class Stopwatch:
    """Seconds by stage. A stage within another counts for itself alone, so that all sum to no more than the whole.

    Attributes:
        seconds: stage → since `reset`, in the order in which stages began.
    """

    def __init__(self) -> None:
        self.seconds: dict[str, float] = {}
        self._running: list[str] = []
        self._since = 0.0

    def reset(self) -> None:
        """Begin anew."""
        self.seconds = {}

    @contextmanager
    def stage(self, name: str) -> Iterator[None]:
        """Time what is done within for a stage."""
        self._switch()
        self.seconds.setdefault(name, 0.0)
        self._running.append(name)
        try:
            yield
        finally:
            self._switch()
            self._running.pop()

    def _switch(self) -> None:
        now = time.perf_counter()
        if self._running:
            self.seconds[self._running[-1]] += now - self._since
        self._since = now

    def timed(self, name: str, function: Callable[..., Any]) -> Callable[..., Any]:
        """A function whose calls count for a stage."""

        def call(*args: Any, **kwargs: Any) -> Any:
            with self.stage(name):
                return function(*args, **kwargs)

        return call

    def decoding(self, name: str, decode: Callable[[Any], Iterable[Any]]) -> Callable[[Any], Iterable[Any]]:
        """A function whose calls count for a stage, as does taking items of what it returns."""

        def call(source: Any) -> "Timed":
            with self.stage(name):
                return Timed(decode(source), self, name)

        return call


class Timed:
    """Items whose making counts for a stage; they can be taken as often as those of ``items`` can."""

    def __init__(self, items: Iterable[Any], watch: Stopwatch, name: str):
        self._items, self._watch, self._name = items, watch, name

    def __iter__(self) -> Iterator[Any]:
        with self._watch.stage(self._name):
            items = iter(self._items)
        done = object()
        while True:
            with self._watch.stage(self._name):
                item = next(items, done)
            if item is done:
                return
            yield item


def time_encoder(encoder: Any, modality: str, watch: Stopwatch) -> None:
    """Have a stopwatch time what an encoder does, as ``decode <modality>`` and ``encode <modality>/<encoder>``.

    Long recordings are decoded block by block while they are encoded; this counts as decoding.

    Args:
        encoder: whose methods are replaced by timed ones. One of those that share what is decoded is asked to decode.
        modality: its own.
        watch: the stopwatch.
    """
    time_decoding(encoder, modality, watch)
    encoder.encode_decoded = watch.timed(f"encode {modality}/{encoder.name}", encoder.encode_decoded)


def time_decoding(encoder: Any, modality: str, watch: Stopwatch) -> None:
    """Time what an encoder's `decode` does; that of sound goes on while its blocks are taken."""
    time = watch.decoding if modality == AUDIO else watch.timed
    encoder.decode = time(f"decode {modality}", encoder.decode)
