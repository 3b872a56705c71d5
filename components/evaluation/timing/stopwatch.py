"""How long each stage of an answer takes, timed from outside: what is packed with a model stays as it was published."""

import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import Any

from ..errors import RegistryError

AUDIO = "audio"
FUSE = "fuse"


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


def time_stages(predictor: Any, watch: Stopwatch) -> None:
    """Have a stopwatch time the stages of a model that is loaded.

    Stages are ``decode <modality>``, ``recognise text``, ``encode <modality>/<encoder>`` and ``fuse``, which is
    preparation and all members. Long recordings are decoded block by block while they are encoded; this counts as
    decoding.

    Args:
        predictor: the `inference.Predictor` of the package that is loaded, whose methods are replaced by timed ones.
        watch: the stopwatch.

    Raises:
        RegistryError: it was packed by an emoflow with other stages.
    """
    try:  # of the package, not of this module's `inference`: its parts are private, but they are all that can be timed
        encoders, tuned, recogniser = predictor._encoders, predictor._tuned, predictor._recogniser
    except AttributeError as error:
        raise RegistryError(
            f"this model was published by another version of emoflow, whose stages cannot be timed ({error}): publish "
            "it again with this one"
        ) from None
    for modality, of_modality in encoders.items():
        for each in of_modality:
            _time_decoding(each, modality, watch)  # one of those that share what is decoded is asked
            each.encode_decoded = watch.timed(f"encode {modality}/{each.name}", each.encode_decoded)
            if each.name in tuned:
                own = tuned[each.name]
                own.encode = watch.timed(f"encode {modality}/{each.name}", own.encode)
    if recogniser:
        _time_decoding(recogniser, AUDIO, watch)
        recogniser.words = watch.timed("recognise text", recogniser.words)
    predictor.probabilities = watch.timed(FUSE, predictor.probabilities)


def _time_decoding(encoder: Any, modality: str, watch: Stopwatch) -> None:
    """Time what an encoder's `decode` does; that of sound goes on while its blocks are taken."""
    time = watch.decoding if modality == AUDIO else watch.timed
    encoder.decode = time(f"decode {modality}", encoder.decode)
