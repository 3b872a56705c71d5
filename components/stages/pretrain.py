"""The stage ``av-hubert`` of ``pretrain/dvc.yaml``: pre-training, resumed where it was left."""

from __future__ import annotations

from .. import settings
from ..artifacts import pretraining as artifact
from ..files import replacing
from ..pretraining import stated
from ..pretraining.objectives import av_hubert
from ..pretraining.store import InputStore
from .entry import run
from .pretraining_history import iteration_written
from .pretraining_models import write_model
from .pretraining_work import unfinished

STAGE = "av-hubert"


def main() -> None:
    whole, device = stated.load(), settings.load().torch_device()
    of = whole.av_hubert
    folders = [artifact.INPUTS / corpus for corpus in whole.corpora]
    about = [artifact.PretrainingInputs.read(corpus=corpus) for corpus in whole.corpora]
    store = InputStore(folders)
    roi = next(iter({each.roi for each in about}))
    work = unfinished(STAGE, whole.corpora, device=device, params=of.model_dump(exclude={"licence"}))

    model, iterations = av_hubert.pretrain(store, of, roi=roi, work=work, device=device)
    with replacing(artifact.AV_HUBERT) as folder:
        write_model(model, folder, name=STAGE, pretrained_on=whole.corpora, licence=of.licence)
        artifact.AvHubertHistory(
            corpora=whole.corpora,
            size=of.size,
            roi=roi,
            clips=len(store),
            frames=store.frames,
            iterations=[iteration_written(each) for each in iterations],
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


if __name__ == "__main__":
    run(STAGE, main)
