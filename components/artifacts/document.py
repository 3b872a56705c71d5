"""The two kinds of artifact: a JSON document with typed fields, and a Parquet table with named columns."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Self

from pydantic import BaseModel, ConfigDict, ValidationError

from ..errors import ArtifactError
from ..files import read_json, write_json, write_table

if TYPE_CHECKING:
    import pandas as pd

SCHEMA = "schema_version"
"""The key under which a document's file holds the version of its schema."""


class Part(BaseModel):
    """A part of a document: immutable, and a field that it does not have is an error."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class Document(Part):
    """A JSON document that one stage writes and others read.

    Attributes:
        PATH: below the workspace; ``{corpus}`` stands for a corpus's name.
        STAGE: the stage of ``dvc.yaml`` that writes it.
        VERSION: of the schema; raised with every change of the fields. None for a file that holds no version.
    """

    PATH: ClassVar[str]
    STAGE: ClassVar[str]
    VERSION: ClassVar[int | None] = 1

    @classmethod
    def path(cls, root: Path = Path(), *, corpus: str = "") -> Path:
        """Where the document lies in the workspace ``root``."""
        return root / cls.PATH.format(corpus=corpus)

    @classmethod
    def read(cls, root: Path = Path(), *, corpus: str = "") -> Self:
        """Read the document of the workspace ``root``.

        Raises:
            ArtifactError: the file is missing, of another schema version, or does not have the schema's fields.
        """
        return cls.read_file(cls.path(root, corpus=corpus), stage=_stage(cls.STAGE, corpus))

    @classmethod
    def read_file(cls, path: Path, *, stage: str = "") -> Self:
        """Read the document from ``path``, wherever that is.

        Raises:
            ArtifactError: as for `read`.
        """
        stage = stage or cls.STAGE
        _require(path, stage)
        try:
            content = read_json(path)
        except ValueError as error:
            raise ArtifactError(
                f"{path} is not JSON ({error}); make it again: dvc repro -f {stage}"
            ) from None
        version = content.pop(SCHEMA, None) if isinstance(content, dict) else None
        if version != cls.VERSION:
            raise ArtifactError(
                f"{path} has {SCHEMA} {version}, and this version of emoflow reads {cls.VERSION}; make it again: "
                f"dvc repro {stage}"
            )
        try:
            return cls.model_validate(content)
        except ValidationError as error:
            first = error.errors()[0]
            field = ".".join(str(part) for part in first["loc"])
            raise ArtifactError(
                f"{path} is not a valid {cls.__name__}: {field}: {first['msg']}; make it again: dvc repro -f {stage}"
            ) from None

    def to_dict(self) -> dict[str, Any]:
        """What the file holds."""
        version = {} if self.VERSION is None else {SCHEMA: self.VERSION}
        return version | self.model_dump(mode="json")

    def write(self, root: Path = Path(), *, corpus: str = "") -> Path:
        """Write the document to its place in the workspace ``root``, whole or not at all."""
        return self.write_file(self.path(root, corpus=corpus))

    def write_file(self, path: Path) -> Path:
        """Write the document to ``path``, whole or not at all."""
        write_json(path, self.to_dict())
        return path


@dataclass(frozen=True)
class Table:
    """A Parquet table that one stage writes and others read.

    Attributes:
        location: below the workspace; ``{corpus}`` stands for a corpus's name.
        columns: those that every such table has; it may have more.
        stage: the stage of ``dvc.yaml`` that writes it.
    """

    location: str
    columns: tuple[str, ...]
    stage: str

    def path(self, root: Path = Path(), *, corpus: str = "") -> Path:
        """Where the table lies in the workspace ``root``."""
        return root / self.location.format(corpus=corpus)

    def read(
        self, root: Path = Path(), *, corpus: str = "", columns: Sequence[str] | None = None
    ) -> pd.DataFrame:
        """Read the table, or some of its columns.

        Raises:
            ArtifactError: the file is missing, not Parquet, or lacks a column.
        """
        import pandas as pd
        import pyarrow.parquet as pq

        path, stage = self.path(root, corpus=corpus), _stage(self.stage, corpus)
        _require(path, stage)
        try:
            names = pq.read_schema(path).names
        except ValueError as error:  # pyarrow's ArrowInvalid is one
            raise ArtifactError(
                f"{path} is not a Parquet table ({error}); make it again: dvc repro -f {stage}"
            ) from None
        missing = sorted(set(self.columns) - set(names))
        if missing:
            raise ArtifactError(
                f"{path} lacks the columns {', '.join(missing)}: it was written by another version of emoflow; make "
                f"it again: dvc repro -f {stage}"
            )
        return pd.read_parquet(path, columns=None if columns is None else list(columns))

    def write(self, table: pd.DataFrame, root: Path = Path(), *, corpus: str = "") -> Path:
        """Write the table to its place in the workspace ``root``, whole or not at all.

        Raises:
            ArtifactError: the table lacks a column.
        """
        missing = sorted(set(self.columns) - set(table.columns))
        path = self.path(root, corpus=corpus)
        if missing:
            raise ArtifactError(f"{path} was to be written without the columns {', '.join(missing)}")
        write_table(path, table)
        return path


def _stage(stage: str, corpus: str) -> str:
    return stage.format(corpus=corpus)


def _require(path: Path, stage: str) -> None:
    if not path.is_file():
        raise ArtifactError(f"{path} does not exist; make it: dvc repro {stage}")
