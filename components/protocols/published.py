"""Published protocols: one YAML file each beside this module, the file's name being the protocol's id."""

import re
from pathlib import Path
from typing import Literal

import yaml
from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

FOLDER = Path(__file__).parent


class _Frozen(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Include(_Frozen):
    """Which utterances the protocol is about."""

    pattern: str
    """A regular expression that the utterance id has to match."""
    otherwise: str
    """What the rest is, in a word: how the left-out rows are counted."""

    @field_validator("pattern")
    @classmethod
    def _compiles(cls, value: str) -> str:
        re.compile(value)
        return value


class Counts(_Frozen):
    utterances: int
    per_speaker: int | None = None


class Published(_Frozen):
    """A protocol file. ``folds`` lists the test speakers of each fold, by their ids within the corpus."""

    id: str
    title: str
    source: str
    corpus: str
    label_space: str
    validation: Literal["next fold"]
    include: Include | None = None
    folds: tuple[tuple[str, ...], ...] = Field(min_length=3)
    counts: Counts

    @model_validator(mode="after")
    def _each_speaker_is_in_one_fold(self):
        speakers = [speaker for fold in self.folds for speaker in fold]
        twice = sorted({speaker for speaker in speakers if speakers.count(speaker) > 1})
        if twice:
            raise ValueError(f"speakers in two folds: {', '.join(twice)}")
        if not all(self.folds):
            raise ValueError("a fold without speakers")
        return self


def names() -> list[str]:
    """The ids of the published protocols."""
    return sorted(path.stem for path in FOLDER.glob("*.yaml"))


def read(name: str) -> Published:
    """Read the protocol file of that id; it must be one of ``names()``."""
    held = Published.model_validate(yaml.safe_load((FOLDER / f"{name}.yaml").read_text(encoding="utf-8")))
    if held.id != name:
        raise ValueError(f"{name}.yaml: its id is {held.id!r}, and has to be the file's name")
    return held
