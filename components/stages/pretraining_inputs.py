"""The stage ``inputs`` of ``pretrain/dvc.yaml``: a corpus's recordings as frames of sound and pictures."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from .. import params, settings
from ..artifacts import pretraining as artifact
from ..artifacts.corpora import RAW
from ..corpora import read
from ..corpora.media_digests import with_digests
from ..corpora.planted_truth import planted_phones
from ..errors import PretrainingError
from ..files import replacing
from ..pretraining import stated, store
from ..pretraining.clips import Faces, Recording, read_all
from ..pretraining.units import Units, grouped
from ..progress import track
from ..schema import UNSTATED
from ..storage import assets
from .entry import run

if TYPE_CHECKING:
    import pandas as pd

SHOWN = 10


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("corpus")
    corpus = parser.parse_args().corpus
    inputs, environment = stated.load().inputs, settings.load()
    layout = params.load().layout(corpus) if params.PATH.is_file() else UNSTATED
    root = RAW / corpus
    table = with_digests(read(corpus, root, layout).table, root, workers=environment.worker_count())
    faces = None
    if inputs.roi is not None:
        if table["video"].isna().all():
            raise PretrainingError(
                f"{corpus} has no film, and inputs.roi in pretrain/params.yaml is {inputs.roi!r}: state roi: null to "
                "learn from sound alone, or leave the corpus out"
            )
        model = None
        if inputs.detector == "mediapipe":
            model = assets.require("face-landmarker", environment.landmark_model)
        faces = Faces(inputs.roi, model, environment.cache)

    recordings = list(_recordings(table, root, film=inputs.roi is not None))
    phones = planted_phones(root, corpus)
    units = Units({} if phones is None else grouped(phones.itertuples(index=False, name=None)))
    kept = _Kept(recordings, units)
    with replacing(artifact.INPUTS / corpus) as folder:
        clips = store.write(
            folder, kept.clips(faces, environment.worker_count()), pictures=inputs.roi is not None
        )
        for each in kept.unusable[:SHOWN]:
            print(f"not used: {each.utterance_id}, {each.stream}: {each.reason}", file=sys.stderr)
        if len(kept.unusable) > SHOWN:
            print(f"not used: {len(kept.unusable) - SHOWN} more", file=sys.stderr)
        if not clips:
            raise PretrainingError(f"no recording of {corpus} can be used; the first reasons stand above")
        artifact.PretrainingInputs(
            corpus=corpus,
            roi=inputs.roi,
            detector=inputs.detector if inputs.roi is not None else None,
            clips=clips,
            frames=kept.frames,
            heard=kept.heard,
            seen=kept.seen,
            units=units.names,
            unusable=kept.unusable,
        ).write_file(folder / artifact.PretrainingInputs.path().name)
    print(
        f"{corpus}: {clips} clips, {kept.frames / 25 / 60:.1f} minutes; {len(kept.unusable)} streams not used"
    )


class _Kept:
    """Counts what passes on its way to the shards."""

    def __init__(self, recordings: Sequence[Recording], units: Units):
        self._recordings, self._units = recordings, units
        self.frames = self.heard = self.seen = 0
        self.unusable: list[artifact.Unusable] = []

    def clips(self, faces: Faces | None, workers: int) -> Iterator[store.Clip]:
        reading = read_all(self._recordings, faces, workers=workers)
        for each in track(reading, total=len(self._recordings), what="recordings"):
            self.unusable += [
                artifact.Unusable(utterance_id=each.utterance_id, stream=stream, reason=reason)
                for stream, reason in each.unusable.items()
            ]
            if each.clip is not None:
                self.frames += len(each.clip)
                self.heard += each.clip.audio is not None
                self.seen += 0 if each.clip.present is None else int(each.clip.present.sum())
                yield replace(each.clip, units=self._units.of(each.utterance_id, len(each.clip)))


def _recordings(table: pd.DataFrame, root: Path, *, film: bool) -> Iterator[Recording]:
    """Those of the table that have sound or film; a film has sound, too."""
    import pandas as pd

    for row in table.to_dict("records"):
        sound = next((row[column] for column in ("audio", "video") if not pd.isna(row[column])), None)
        video = row["video"] if film and not pd.isna(row["video"]) else None
        if sound is None:
            continue
        digest = None if pd.isna(row["video_digest"]) else row["video_digest"]
        yield Recording(row["utterance_id"], root / sound, None if video is None else root / video, digest)


if __name__ == "__main__":
    run("inputs", main)
