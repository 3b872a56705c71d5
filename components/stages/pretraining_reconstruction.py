"""The stage ``reconstruction`` of ``pretrain/dvc.yaml``: pre-training, resumed where it was left."""

from __future__ import annotations

from .. import settings
from ..artifacts import pretraining as artifact
from ..files import replacing
from ..pretraining import stated
from ..pretraining.objectives.reconstruction import pretrain
from ..pretraining.store import InputStore
from .entry import run
from .pretraining_models import write_model
from .pretraining_work import unfinished

STAGE = "reconstruction"


def main() -> None:
    whole, device = stated.load(), settings.load().torch_device()
    of = whole.reconstruction
    folders = [artifact.INPUTS / corpus for corpus in whole.corpora]
    roi = artifact.PretrainingInputs.read(corpus=whole.corpora[0]).roi
    store = InputStore(folders)
    work = unfinished(STAGE, whole.corpora, device=device, params=of.model_dump(exclude={"licence"}))
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


if __name__ == "__main__":
    run(STAGE, main)
