"""The stage ``data2vec`` of ``pretrain/dvc.yaml``: pre-training on sound, resumed where it was left."""

from __future__ import annotations

from .. import settings
from ..artifacts import pretraining as artifact
from ..files import replacing
from ..pretraining import stated
from ..pretraining.objectives.data2vec import pretrain
from ..pretraining.store import InputStore
from .entry import run
from .pretraining_models import write_model
from .pretraining_work import unfinished

STAGE = "data2vec"


def main() -> None:
    whole, device = stated.load(), settings.load().torch_device()
    of = whole.data2vec
    folders = [artifact.INPUTS / corpus for corpus in whole.corpora]
    store = InputStore(folders)
    work = unfinished(STAGE, whole.corpora, device=device, params=of.model_dump(exclude={"licence"}))
    model, curve = pretrain(store, of, work=work, device=device)
    with replacing(artifact.DATA2VEC) as folder:
        write_model(model, folder, name=STAGE, pretrained_on=whole.corpora, licence=of.licence)
        artifact.Data2VecHistory(
            corpora=whole.corpora,
            size=of.size,
            clips=int(store.heard.sum()),
            frames=int(store.lengths[store.heard].sum()),
            curve=[artifact.Data2VecPoint.model_validate(point) for point in curve],
        ).write_file(folder / artifact.Data2VecHistory.path().name)
    last = curve[-1]
    explained = 1 - last["loss"] / last["variance"]
    print(
        f"error of masked frames {last['loss']:.3f}, variance {last['variance']:.3f}: {explained:.0%} is explained"
    )


if __name__ == "__main__":
    run(STAGE, main)
