"""What the stages of ``pretrain/dvc.yaml`` that make models share: models and labels read, models written."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from ..artifacts import pretraining as artifact
from ..encoders import installed
from ..encoders.pretrained.architecture import from_safetensors, quiet
from ..errors import SettingsError, listed
from ..files import as_new, file_digest

if TYPE_CHECKING:
    import pandas as pd

    from ..encoders.av_hubert.network import AvHubert


def read_model(folder: str, *, stated: str) -> AvHubert:
    """A model that training begins with.

    Args:
        folder: of the model.
        stated: the key of ``pretrain/params.yaml`` that names it.

    Raises:
        SettingsError: the folder holds no AV-HuBERT.
    """
    from ..encoders.av_hubert.network import AvHubert

    if not (Path(folder) / installed.WEIGHTS).is_file():
        raise SettingsError(
            f"{folder}, which {stated} of pretrain/params.yaml names, holds no model: make it with `emoflow pretrain "
            "av-hubert`, or name another folder"
        )
    model, info = from_safetensors(AvHubert, Path(folder))
    if lacking := sorted(info["missing_keys"]):
        raise SettingsError(f"{folder} is no AV-HuBERT model: it lacks these weights: {listed(lacking)}")
    return model  # type: ignore[no-any-return]  # transformers is not typed


def write_model(
    model: AvHubert,
    folder: Path,
    *,
    name: str,
    pretrained_on: Sequence[str],
    licence: str | None = None,
    begun_with: str | None = None,
) -> None:
    """Write a model as an encoder\'s folder.

    Args:
        model: on the CPU.
        folder: is made, or is there.
        name: of the encoder.
        pretrained_on: corpora that it has heard.
        licence: of the weights.
        begun_with: the folder of the model that training began with, whose licence and corpora hold on.
    """
    with quiet():
        model.save_pretrained(folder)
    as_new(folder / installed.WEIGHTS)
    source, heard = "emoflow pretrain", list(pretrained_on)
    if begun_with is not None:
        source = f"emoflow pretrain, of {begun_with}"
        if (Path(begun_with) / installed.ABOUT).is_file():
            about = installed.read(Path(begun_with))
            licence, heard = licence or about.licence, [*about.pretrained_on, *heard]
    installed.write_about(
        folder,
        installed.Installed(
            name=name,
            source=source,
            revision=None,
            licence=licence,
            pretrained_on=tuple(dict.fromkeys(heard)),
            sha256=file_digest(folder / installed.WEIGHTS),
        ),
    )


def labels(corpora: Sequence[str]) -> pd.DataFrame:
    """Who speaks, what they say, and how, by utterance; a speaker who is not known is one of their own."""
    import pandas as pd

    table = pd.concat([artifact.LABELS.read(corpus=corpus).assign(corpus=corpus) for corpus in corpora])
    table = table.set_index("utterance_id")
    return table.assign(speaker=table["speaker"].fillna(table.index.to_series()).astype(str))
