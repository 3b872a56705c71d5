"""The stage ``reconstruction`` of ``pretrain/dvc.yaml``: pre-training, resumed where it was left."""

from __future__ import annotations

from pathlib import Path

from .. import pretraining, settings
from ..artifacts import pretraining as artifact
from ..encoders import av_hubert as network
from ..files import digest_of, replacing, tree_digest, versions, work_folder
from ..pretraining import stated
from ..pretraining.objectives.reconstruction import pretrain
from ..pretraining.store import InputStore
from .entry import run
from .pretraining_models import write_model

STAGE = "reconstruction"
LIBRARIES = ("torch", "numpy", "transformers", "safetensors")
CODE = [Path(pretraining.__file__).parent, Path(network.__file__).parent]


def main() -> None:
    whole, device = stated.load(), settings.load().torch_device()
    of = whole.reconstruction
    folders = [artifact.INPUTS / corpus for corpus in whole.corpora]
    roi = artifact.PretrainingInputs.read(corpus=whole.corpora[0]).roi
    store = InputStore(folders)
    work = work_folder(f"pretrain-{STAGE}", _digest(folders, of, device))
    model, curve = pretrain(store, of, roi=roi, work=work, device=device)
    with replacing(artifact.RECONSTRUCTION) as folder:
        write_model(model, folder, name=STAGE, pretrained_on=whole.corpora, licence=of.licence)
        artifact.ReconstructionHistory(
            corpora=whole.corpora,
            size=of.size,
            roi=roi,
            streams=of.streams,
            clips=len(store),
            frames=store.frames,
            curve=[artifact.ReconstructionPoint.model_validate(point) for point in curve],
        ).write_file(folder / artifact.ReconstructionHistory.path().name)
    last = curve[-1]
    print(f"error of masked frames {last['loss']:.3f}, of their mean alone {last['deviation']:.3f}")


def _digest(folders: list[Path], of: stated.ReconstructionStated, device: str) -> str:
    return digest_of(
        {
            "data": tree_digest([*folders]),
            "code": tree_digest([*CODE]),
            "libraries": versions(LIBRARIES),
            "stage": of.model_dump(exclude={"licence"}),
            "device": device,
        }
    )


if __name__ == "__main__":
    run(STAGE, main)
