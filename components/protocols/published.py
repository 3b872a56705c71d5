"""Reads published protocols: one YAML file each in ``library``, the file's name being the protocol's id."""

import re
from pathlib import Path
from typing import Any, Literal

import yaml
from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

from .split_scheme import SplitScheme

FOLDER = Path(__file__).parent / "library"


class _Frozen(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Include(_Frozen):
    """Which utterances the protocol is about."""

    pattern: str
    """A regular expression that the utterance's id within its corpus has to match."""
    otherwise: str
    """What the rest is, in a word: how the left-out rows are counted."""

    @field_validator("pattern")
    @classmethod
    def _compiles(cls, value: str) -> str:
        re.compile(value)
        return value


class Counts(_Frozen):
    utterances: int | None = None
    per_speaker: int | None = None


class Test(_Frozen):
    """What is tested. ``folds`` lists, for each fold, ids within the corpus: speakers or sessions."""

    by: Literal["speaker", "session", "official", "random"]
    folds: tuple[tuple[str, ...], ...] = ()
    parts: int = Field(default=0, ge=0)
    """``random``: the utterances are split into so many parts; the first is tested, the second validates."""

    @model_validator(mode="after")
    def _says_its_folds(self):
        if bool(self.folds) != (self.by in ("speaker", "session")) or bool(self.parts) != (
            self.by == "random"
        ):
            raise ValueError(f"by {self.by}: lists folds for speaker and session, parts for random")
        groups = [group for fold in self.folds for group in fold]
        twice = sorted({group for group in groups if groups.count(group) > 1})
        if twice:
            raise ValueError(f"in two folds: {', '.join(twice)}")
        if not all(self.folds):
            raise ValueError("an empty fold")
        return self


class Published(_Frozen):
    """A protocol file.

    ``like`` names another file, whose keys hold where this one says nothing. ``leaks`` is what crosses the folds by
    design (kind → why), which the gate lets pass by name.
    """

    id: str
    title: str
    source: str
    corpus: str
    label_space: str
    test: Test
    validation: Literal[
        "next fold",
        "official",
        "rest of the session",
        "10 % of the dialogues",
        "20 % of the utterances",
        "test",
    ] | tuple[str, ...]  # fmt: skip
    """A way, or the speakers (sessions) that validate."""
    include: Include | None = None
    without_repeats: bool = False
    """Test and validation rows that repeat a training clip or sentence are taken out (see ``repeats``)."""
    leaks: dict[str, str] = {}
    counts: Counts = Counts()

    @model_validator(mode="after")
    def _something_trains(self):
        if self.validation == "next fold" and self.test.folds and len(self.test.folds) < 3:
            raise ValueError("fewer than three folds: one tests, the next validates, and nothing trains")
        return self

    @property
    def scheme(self) -> SplitScheme:
        listed = not isinstance(self.validation, str)
        return SplitScheme(
            test={"official": "official", "random": "utterances"}.get(self.test.by, "listed"),
            validation="listed" if listed else self.validation,
            column=self.test.by if self.test.folds else "speaker",
            groups=self.test.folds,
            validation_groups=self.validation if listed else (),
            count=self.test.parts,
            first_only=self.test.by == "random",
        )


def names() -> list[str]:
    """The ids of the published protocols."""
    return sorted(path.stem for path in FOLDER.glob("*.yaml"))


def read(name: str) -> Published:
    """Read the protocol file of that id; it must be one of ``names()``."""
    published = Published.model_validate(_keys(name))
    if published.id != name:
        raise ValueError(f"{name}.yaml: its id is {published.id!r}, and has to be the file's name")
    return published


def _keys(name: str) -> dict[str, Any]:
    content = yaml.safe_load((FOLDER / f"{name}.yaml").read_text(encoding="utf-8"))
    like = content.pop("like", None)
    return _keys(like) | content if like else content
