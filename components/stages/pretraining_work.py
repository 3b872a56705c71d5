"""Where a stage of ``pretrain/dvc.yaml`` keeps unfinished work."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from .. import pretraining
from ..artifacts import pretraining as artifact
from ..encoders import av_hubert as network
from ..files import digest_of, tree_digest, versions, work_folder

LIBRARIES = ("torch", "numpy", "scikit-learn", "transformers", "safetensors")
CODE = [Path(pretraining.__file__).parent, Path(network.__file__).parent]


def unfinished(stage: str, corpora: Sequence[str], *, device: str, **stated: Any) -> Path:
    """The folder of unfinished work, which other inputs, params, code, libraries or another device do not share.

    Args:
        stage: its name.
        corpora: whose inputs are read.
        device: ``cpu`` or ``cuda``.
        stated: what else the outcome depends on, as JSON.
    """
    digest = digest_of(
        {
            "data": tree_digest([artifact.INPUTS / corpus for corpus in corpora]),
            "code": tree_digest([*CODE]),
            "libraries": versions(LIBRARIES),
            "device": device,
            "stated": stated,
        }
    )
    work = work_folder(f"pretrain-{stage}", digest)
    others = [path for path in work.parent.glob(f"pretrain-{stage}-*") if path != work]
    if others and not any(work.iterdir()):
        print(
            f"{stage}: begins anew: what is kept in {work.parent} is of other inputs, params, code or another device",
            file=sys.stderr,
        )
    return work
