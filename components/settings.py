"""Reads the environment variables that state where a run happens: devices, servers and stores."""

import os
from pathlib import Path
from typing import Literal

from pydantic import Field, ValidationError, field_validator
from pydantic_core import ErrorDetails
from pydantic_settings import BaseSettings, SettingsConfigDict

from .errors import SettingsError

RENAMED = {"EMOFLOW_GANGS_PER_GPU": "EMOFLOW_POPULATIONS_PER_GPU"}
"""Environment variables of earlier versions, which are refused."""


class Settings(BaseSettings):
    """Each field is the environment variable of its name in capitals (or the alias given)."""

    model_config = SettingsConfigDict(frozen=True, extra="ignore", populate_by_name=True)

    mlflow_tracking_uri: str = "sqlite:///mlflow.db"
    lineage_uri: str = Field("sqlite:///.emoflow/lineage.db", alias="EMOFLOW_LINEAGE_URI")
    device: Literal["auto", "cpu", "cuda"] = Field("auto", alias="EMOFLOW_DEVICE")
    workers: int = Field(0, ge=0, alias="EMOFLOW_WORKERS")
    """Worker processes; 0: one per core."""
    cache: Path = Field(Path(".emoflow/cache"), alias="EMOFLOW_CACHE")
    """The per-clip feature cache; several checkouts may share one."""
    encoders: Path = Field(Path(".emoflow/encoders"), alias="EMOFLOW_ENCODERS")
    """The pre-trained encoders that were fetched, a folder each."""
    landmark_model: Path = Field(Path(".emoflow/models/face_landmarker.task"), alias="EMOFLOW_LANDMARK_MODEL")
    ray_address: str | None = Field(None, alias="RAY_ADDRESS")
    """A cluster to join; a local one is started where unset."""
    shared: str | None = Field(None, alias="EMOFLOW_SHARED")
    """What all nodes of that cluster see: a folder, or ``s3://bucket/prefix``. Features reach them without, too."""
    populations_per_gpu: int = Field(4, ge=1, alias="EMOFLOW_POPULATIONS_PER_GPU")
    """Worker processes that share a GPU's memory evenly."""

    @field_validator("shared")
    @classmethod
    def _folder_or_s3(cls, value: str | None) -> str | None:
        if value is not None and "://" in value and not value.removeprefix("s3://").strip("/"):
            raise ValueError("no bucket is named: s3://bucket/prefix")
        if value is not None and "://" in value and not value.startswith("s3://"):
            raise ValueError("neither a folder nor s3://bucket/prefix")
        return value or None

    def worker_count(self) -> int:
        return self.workers or len(os.sched_getaffinity(0))

    def torch_device(self) -> str:
        """Where tensors live: ``cpu``, or ``cuda`` where that is asked for or, for ``auto``, found.

        Raises:
            SettingsError: ``cuda`` is asked for and not found, and no cluster is joined whose nodes may have a GPU.
        """
        if self.device == "cpu":
            return "cpu"
        import torch

        if torch.cuda.is_available():
            return "cuda"
        if self.device == "auto":
            return "cpu"
        if self.ray_address is None:
            raise SettingsError(
                "EMOFLOW_DEVICE is cuda, and PyTorch finds no GPU here: set EMOFLOW_DEVICE=cpu, or auto"
            )
        return "cuda"


def load() -> Settings:
    """The environment, checked.

    Raises:
        SettingsError: naming each variable, what it held and what is wrong with it.
    """
    for old, new in RENAMED.items():
        if old in os.environ:
            raise SettingsError(f"{old} is now called {new}: set that one, and unset {old}")
    try:
        return Settings()
    except ValidationError as error:
        said = (f"{_variable(each)} is {each['input']!r}: {each['msg']}" for each in error.errors())
        raise SettingsError("; ".join(said)) from None


def _variable(error: ErrorDetails) -> str:
    return str(error["loc"][0]).upper()
