"""Real recordings copied under other names: byte for byte, resampled, re-encoded. The gate finds each."""

import shutil
from fractions import Fraction
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from emoflow import leakage
from emoflow.corpora import read
from emoflow.corpora.media_digests import with_digests
from emoflow.schema import Layout
from emoflow.validation import facts

pytestmark = pytest.mark.corpora

ACTORS = (1, 5, 7, 12)
FOLDER = Layout(layout="folder", pattern=r"(?P<speaker>[^/]+)/\d\d-01-(?P<label>\d\d)-.*\.\w+")


def encoded(source: Path, target: Path, codec: str, *, rate: int, bits: int) -> None:
    """The sound of a wav file in another codec."""
    import av
    import soundfile
    import soxr

    samples, own = soundfile.read(source, dtype="float32")
    with av.open(str(target), "w") as container:
        stream = container.add_stream(codec, rate=rate, layout="mono")
        stream.bit_rate = bits
        block = np.ascontiguousarray(soxr.resample(samples, own, rate)[None], dtype=np.float32)
        frame = av.AudioFrame.from_ndarray(block, format="fltp", layout="mono")
        frame.sample_rate = rate
        fitting = av.AudioResampler(
            stream.codec_context.format, "mono", rate, frame_size=stream.frame_size or 1024
        )
        for each in [*fitting.resample(frame), *fitting.resample(None), None]:
            container.mux(stream.encode(each))


def gathered(root: Path, stated: Layout) -> pd.DataFrame:
    table = read("own", root, stated).table
    return facts.gather(with_digests(table, root, workers=2), root, workers=2)


def by_speaker(table: pd.DataFrame) -> pd.DataFrame:
    """Each speaker tests once; the next validates."""
    names = sorted(table["speaker"].unique())
    place = table["speaker"].map(names.index)
    parts = []
    for fold in range(len(names)):
        role = np.select([place == fold, place == (fold + 1) % len(names)], ["test", "validation"], "train")
        parts.append(table[["utterance_id", "speaker", "label"]].assign(fold=fold, role=role))
    return pd.concat(parts, ignore_index=True)


@pytest.fixture(scope="module")
def actors(ravdess_wavs) -> Path:
    return ravdess_wavs(*ACTORS)


@pytest.fixture
def root(actors, tmp_path) -> Path:
    """A corpus of one emotion of four actors, to copy things into."""
    for wav in sorted(actors.glob("Actor_*/03-01-0[35]-0[12]-01-*.wav")):
        (tmp_path / wav.parent.name).mkdir(exist_ok=True)
        shutil.copy(wav, tmp_path / wav.parent.name)
    return tmp_path


def found(root: Path) -> list[leakage.Finding]:
    table = gathered(root, FOLDER)
    return leakage.find(by_speaker(table), table, fingerprints=table)


SOURCE = "Actor_01/03-01-03-01-01-01-01"


def critical(findings: list[leakage.Finding]) -> dict[str, set[str]]:
    """kind → the utterances named, without the corpus."""
    named: dict[str, set[str]] = {}
    for each in findings:
        if each.severity == "critical":
            named.setdefault(each.kind, set()).update(row.removeprefix("own/") for row in each.rows)
    return named


def test_without_copies_there_is_nothing(root):
    assert critical(found(root)) == {}


def test_a_clip_copied_under_another_emotion_and_actor(root):
    copy = "Actor_12/03-01-06-01-01-01-12"
    shutil.copy(root / f"{SOURCE}.wav", root / f"{copy}.wav")
    assert critical(found(root)) == {"duplicate": {SOURCE, copy}}


def test_a_clip_copied_under_another_emotion_of_its_actor_is_a_warning(root):
    copy = "Actor_01/03-01-06-01-01-01-01"
    shutil.copy(root / f"{SOURCE}.wav", root / f"{copy}.wav")
    findings = found(root)
    assert critical(findings) == {}
    warned = [each for each in findings if each.kind == "duplicate"]
    assert [each.rows for each in warned] == [[f"own/{SOURCE}", f"own/{copy}"]]


def test_a_clip_resampled_to_22_khz(root):
    import soundfile
    import soxr

    copy = "Actor_05/03-01-08-01-01-01-05"
    samples, rate = soundfile.read(root / f"{SOURCE}.wav")
    soundfile.write(root / f"{copy}.wav", soxr.resample(samples, rate, 22_050), 22_050)
    assert critical(found(root)) == {"fingerprint": {SOURCE, copy}}


@pytest.mark.parametrize(
    ("codec", "suffix", "rate", "bits"),
    [
        ("libmp3lame", ".mp3", 16_000, 32_000),
        ("aac", ".m4a", 22_050, 48_000),
        ("libopus", ".ogg", 48_000, 24_000),
    ],
)
def test_a_copy_in_another_codec_under_another_name(root, codec, suffix, rate, bits):
    copy = "Actor_12/03-01-08-02-01-01-12"
    encoded(root / f"{SOURCE}.wav", root / f"{copy}{suffix}", codec, rate=rate, bits=bits)
    assert critical(found(root)) == {"fingerprint": {SOURCE, copy}}


def test_a_film_in_another_size_under_another_name(corpora, root):
    """A talking head of GRID, and a smaller copy of it that another speaker is said to be in."""
    import av

    source, copy = "Actor_01/03-01-01-01-01-01-01", "Actor_05/03-01-02-01-01-01-05"
    shutil.copy(corpora / "video" / "bbaf2n.mpg", root / f"{source}.mp4")
    with av.open(str(root / f"{source}.mp4")) as old, av.open(str(root / f"{copy}.mp4"), "w") as new:
        stream = new.add_stream("libx264", rate=25, width=180, height=144, pix_fmt="yuv420p")
        stream.bit_rate = 200_000
        for place, frame in enumerate(old.decode(video=0)):
            small = frame.reformat(180, 144, format="yuv420p")
            small.pts, small.time_base = place, Fraction(1, 25)
            new.mux(stream.encode(small))
        new.mux(stream.encode(None))
    assert critical(found(root)) == {"face-track": {source, copy}}


@pytest.mark.slow
def test_among_all_clips_of_ravdess_only_the_known_two_are_one(corpora, ravdess_wavs):
    """1,440 clips in 1,036,080 pairs, two takes of each sentence in each emotion by each actor among them."""
    root = ravdess_wavs(*range(1, 25))
    table = read("ravdess", root, Layout()).table
    table = facts.gather(with_digests(table, root, workers=2), root, workers=2)
    assert table["audio_fingerprint"].notna().all()
    findings = leakage.find(by_speaker(table), table, fingerprints=table)
    assert critical(findings) == {}
    told = {(each.kind, each.severity): each.rows for each in findings}
    assert set(told) == {("duplicate", "warning"), ("repeated-text", "info")}
    assert told["duplicate", "warning"] == ["ravdess/01-03-01-02-01-07", "ravdess/01-03-01-02-02-07"]

    # Without their digests they are still known by what they sound like.
    unknown = table.assign(audio_digest=[f"{n}" for n in range(len(table))])
    findings = leakage.find(by_speaker(table), unknown, fingerprints=table)
    assert [each.rows for each in findings if each.kind == "fingerprint"] == [told["duplicate", "warning"]]
