"""What an entry of a configuration may be: an axis of a search space, from which a place in [0, 1) picks a value."""

import math
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Choice:
    """One of the values, each with the same share.

    Attributes:
        pattern: of further texts that params may state in their place; none where it is empty.
        meaning: what these are, in words.
    """

    values: tuple[Any, ...]
    pattern: str = ""
    meaning: str = ""

    def at(self, u: float) -> Any:
        return self.values[min(int(u * len(self.values)), len(self.values) - 1)]


@dataclass(frozen=True)
class Uniform:
    """A number between the two, evenly."""

    low: float
    high: float

    def at(self, u: float) -> float:
        return self.low + u * (self.high - self.low)


@dataclass(frozen=True)
class Log:
    """A number between the two, evenly in its logarithm."""

    low: float
    high: float

    def at(self, u: float) -> float:
        return math.exp(math.log(self.low) + u * (math.log(self.high) - math.log(self.low)))
