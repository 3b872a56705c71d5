"""The stage ``av-hubert`` of ``pretrain/dvc.yaml``: pre-training, resumed where it was left."""

from __future__ import annotations

import sys
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

from .. import pretraining, settings
from ..artifacts import pretraining as artifact
from ..encoders import av_hubert as network
from ..encoders import installed
from ..encoders.pretrained.architecture import quiet
from ..files import as_new, digest_of, file_digest, replacing, tree_digest, versions, work_folder
from ..pretraining import stated
from ..pretraining.objectives import av_hubert
from ..pretraining.store import InputStore
from .entry import run

if TYPE_CHECKING:
    from ..encoders.av_hubert.network import AvHubert

STAGE = "av-hubert"
LIBRARIES = ("torch", "numpy", "scikit-learn", "transformers", "safetensors")
CODE = [Path(pretraining.__file__).parent, Path(network.__file__).parent]


def main() -> None:
    whole, device = stated.load(), settings.load().torch_device()
    of = whole.av_hubert
    folders = [artifact.INPUTS / corpus for corpus in whole.corpora]
    about = [artifact.PretrainingInputs.read(corpus=corpus) for corpus in whole.corpora]
    store = InputStore(folders)
    roi = next(iter({each.roi for each in about}))
    work = _work(folders, of, device)

    model, iterations = av_hubert.pretrain(store, of, roi=roi, work=work, device=device)
    with replacing(artifact.AV_HUBERT) as folder:
        _write_model(model, folder, whole.corpora, of.licence)
        artifact.AvHubertHistory(
            corpora=whole.corpora,
            size=of.size,
            roi=roi,
            clips=len(store),
            frames=store.frames,
            iterations=[_written(each) for each in iterations],
        ).write_file(folder / artifact.AvHubertHistory.path().name)
    for number, each in enumerate(iterations, 1):
        last = each.curve[-1]
        agreement = "" if each.purity is None else (
            f", purity {each.purity:.3f}, mutual information {each.mutual_information:.3f}"
        )  # fmt: skip
        print(
            f"iteration {number}: {each.used} clusters, entropy {each.entropy:.3f}{agreement}; masked loss "
            f"{last['loss']:.3f}, masked accuracy {last['masked_accuracy']:.3f}"
        )


def _work(folders: list[Path], of: stated.AvHubertStated, device: str) -> Path:
    """The folder of unfinished work, which other inputs, params, code, libraries or another device do not share."""
    digest = digest_of(
        {
            "data": tree_digest([*folders]),
            "code": tree_digest([*CODE]),
            "libraries": versions(LIBRARIES),
            "stage": of.model_dump(exclude={"licence"}),
            "device": device,
        }
    )
    work = work_folder(f"pretrain-{STAGE}", digest)
    others = [path for path in work.parent.glob(f"pretrain-{STAGE}-*") if path != work]
    if others and not any(work.iterdir()):
        print(
            f"{STAGE}: begins anew: what is kept in {work.parent} is of other inputs, params, code or another device",
            file=sys.stderr,
        )
    return work


def _write_model(model: AvHubert, folder: Path, corpora: list[str], licence: str | None) -> None:
    from transformers.utils import logging

    logging.disable_progress_bar()  # its one line of a second, in place of the training's last
    with quiet():
        model.save_pretrained(folder)
    as_new(folder / installed.WEIGHTS)
    installed.write_about(
        folder,
        installed.Installed(
            name=STAGE,
            source="emoflow pretrain",
            revision=None,
            licence=licence,
            pretrained_on=tuple(corpora),
            sha256=file_digest(folder / installed.WEIGHTS),
        ),
    )


def _written(each: av_hubert.Iterated) -> artifact.AvHubertIteration:
    about = {name: value for name, value in asdict(each).items() if name not in ("stated", "curve")}
    return artifact.AvHubertIteration(
        of=each.stated.of,
        clusters=each.stated.clusters,
        masking=each.stated.masking,
        curve=[artifact.CurvePoint.model_validate(point) for point in each.curve],
        **about,
    )


if __name__ == "__main__":
    run(STAGE, main)
