"""Registered models."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from mlflow.pyfunc import PyFuncModel


def load_model(name: str, *, workspace: str | Path = ".", tracking_uri: str | None = None) -> PyFuncModel:
    """Load a registered model.

    Args:
        name: ``emotion-emotion7@champion``, ``emotion-emotion7/3``, also behind ``models:/``; the champion where no
            version is named.
        workspace: the folder of the experiment, which a relative tracking URI is below.
        tracking_uri: MLflow's; ``MLFLOW_TRACKING_URI``, or the workspace's own database, by default.

    Returns:
        An MLflow pyfunc model: ``model.predict(pd.DataFrame([{"audio": "clip.wav", "text": "…"}]))``.

    Raises:
        RegistryError: there is no such model, or its files are not those that were published.
    """
    from ..lineage.reference import parse
    from ..registry.predict import load
    from ..settings import load as settings

    environment = settings()
    return load(
        parse(name),
        root=Path(workspace),
        tracking_uri=tracking_uri or environment.mlflow_tracking_uri,
        lineage_uri=environment.lineage_uri,
    )
