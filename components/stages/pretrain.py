"""The stage ``av-hubert`` of ``pretrain/dvc.yaml``: pre-training, resumed where it was left."""

from __future__ import annotations

import sys
from pathlib import Path

from .. import pretraining, settings
from ..artifacts import pretraining as artifact
from ..encoders import av_hubert as network
from ..files import digest_of, replacing, tree_digest, versions, work_folder
from ..pretraining import stated
from ..pretraining.objectives import av_hubert
from ..pretraining.store import InputStore
from .entry import run
from .pretraining_history import iteration_written
from .pretraining_models import write_model

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


if __name__ == "__main__":
    run(STAGE, main)
