import hashlib
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pandas as pd
import psutil
import pytest
import soundfile
from conftest import ROOT
from emoflow.artifacts.features import Exclusions
from emoflow.corpora.attached.features import Attached
from emoflow.encoders import FeatureStore, ModelFiles, parallel
from emoflow.encoders.cache import Cache
from emoflow.encoders.extract import extract, recipes_of
from emoflow.encoders.parallel import Job, Recipe
from emoflow.errors import CorpusError, SettingsError
from emoflow.files import file_digest, replacing
from emoflow.params import load

RATE = 16_000
LOGMEL = {"audio": Recipe("audio", ("logmel",), {})}
BOTH = {"audio": Recipe("audio", ("logmel",), {}), "text": Recipe("text", ("hashing",), {"dimensions": 64})}


def noise(seed: int, seconds: float = 0.3) -> np.ndarray:
    return np.random.default_rng(seed).normal(0, 0.1, round(seconds * RATE)).astype(np.float32)


def corpus(
    root: Path, clips: dict[str, np.ndarray | bytes | None], texts: dict[str, str] | None = None
) -> pd.DataFrame:
    """An utterance table, and its recordings: samples, or a file's bytes, or None for no recording."""
    root.mkdir(parents=True, exist_ok=True)
    rows = []
    for name, content in clips.items():
        path = root / f"{name}.wav"
        if isinstance(content, bytes):
            path.write_bytes(content)
        elif content is not None:
            soundfile.write(path, content, RATE, subtype="FLOAT")
        text = (texts or {}).get(name)
        rows.append(
            {
                "utterance_id": f"c/{name}",
                "audio": path.name if content is not None else None,
                "audio_digest": file_digest(path) if content is not None else None,
                "video": None,
                "video_digest": None,
                "text": text,
                "text_digest": hashlib.sha256(text.encode()).hexdigest() if text is not None else None,
            }
        )
    return pd.DataFrame(rows)


def make_features(
    folder: Path, table: pd.DataFrame, recipes=LOGMEL, *, attached=None, excluded=None
) -> list[str]:
    with replacing(folder / "out") as out:
        exclusions, lines = extract(
            table,
            raw=folder / "raw",
            out=out,
            recipes=recipes,
            attached=attached or {},
            excluded=excluded or {},
            cache=Cache(folder / "cache"),
            workers=2,
        )
        Exclusions(exclusions=exclusions).write_file(out / "exclusions.json")
    return lines


def tree(folder: Path) -> dict[str, str]:
    return {str(p.relative_to(folder)): file_digest(p) for p in sorted(folder.rglob("*")) if p.is_file()}


def test_what_can_be_used_is_and_the_rest_is_listed_with_its_reason(tmp_path):
    good = noise(1)
    wav = tmp_path / "good.wav"
    soundfile.write(wav, np.tile(good, 5), RATE)
    clips = {
        "good": good,
        "copy": good,
        "nothing": None,
        "zero": b"",
        "text": b"this is no sound\n" * 9,
        "half": wav.read_bytes()[:20_000],
        "silent": good * 0,
        "nan": np.where(np.arange(len(good)) == 9, np.nan, good),
        "short": good[:300],
        "refused": noise(2),
    }
    table = corpus(tmp_path / "raw", clips, {"good": "So happy!", "nothing": "", "zero": "well"})
    lines = make_features(tmp_path, table, BOTH, excluded={("c/refused", "audio"): "said validation"})
    reasons = {
        (each["utterance_id"], each["modality"], each["encoder"]): each["reason"]
        for each in json.loads((tmp_path / "out" / "exclusions.json").read_text())["exclusions"]
    }
    assert list(reasons) == sorted(reasons)
    for name, reason in {
        "zero": "0 bytes", "text": "not a media file", "half": "truncated: 0.62 s of 1.50 s", "silent": "silent",
        "nan": "holds NaN", "short": "too short", "refused": "said validation",
    }.items():  # fmt: skip
        assert reasons.pop((f"c/{name}", "audio", "logmel")).startswith(reason)
    assert reasons.pop(("c/nothing", "text", "hashing")) == "empty: no word in it"
    assert not reasons
    store = FeatureStore.open(tmp_path / "out")
    assert store.ids("audio") == ["c/copy", "c/good"] and store.ids("text") == ["c/good", "c/zero"]
    assert "audio/logmel: 2 encoded, 0 of 8 from the cache" in lines
    store.check(table)

    before = tree(tmp_path / "out")
    again = make_features(tmp_path, table, BOTH, excluded={("c/refused", "audio"): "said validation"})
    assert "audio/logmel: 2 encoded, 8 of 8 from the cache" in again
    assert tree(tmp_path / "out") == before


@pytest.mark.slow
def test_a_damaged_cache_entry_is_made_again(tmp_path):
    table = corpus(tmp_path / "raw", {"a": noise(1), "b": noise(2)})
    make_features(tmp_path, table)
    before = tree(tmp_path / "out")
    entry = next((tmp_path / "cache").rglob("*.safetensors"))
    entry.write_bytes(entry.read_bytes()[:-10])
    assert "audio/logmel: 2 encoded, 1 of 2 from the cache" in make_features(tmp_path, table)
    assert tree(tmp_path / "out") == before


def came(tokens: dict[str, np.ndarray], unusable: dict[str, str] | None = None) -> Attached:
    dimensions = len(next(iter(tokens.values()))[0])
    held = {name: np.asarray(rows, np.float32) for name, rows in sorted(tokens.items())}
    return Attached(tuple(f"AU{number:02}" for number in range(dimensions)), held, unusable or {})


def test_features_that_came_along_take_their_modality(tmp_path):
    table = corpus(tmp_path / "raw", {"a": noise(1), "b": None, "c": None})
    face = came({"c/b": [[1, 3]]}, {"c/a": "no token in a.csv"})
    recipes = {"face": Recipe("face", ("appearance",), {"frames": 8})}
    lines = make_features(tmp_path, table, recipes, attached={"face": face})
    store = FeatureStore.open(tmp_path / "out")
    assert store.layout("face") == [("table", 2)] and store.feature_names("face") == ["AU00", "AU01"]
    tokens, present = store.tokens("face", ["c/a", "c/b"])
    assert present.tolist() == [[False], [True]] and tokens[1, 0].tolist() == [1, 3]
    assert "face/table: 2 features of 1 of 3 utterances; 2 have none: c/a, c/c" in lines
    assert "face/table: 1 left out: no token in a.csv" in lines
    store.check(table)
    with pytest.raises(CorpusError, match="does not have: c/z"):
        make_features(tmp_path, table, recipes, attached={"face": came({"c/z": [[1, 3]]})})
    assert FeatureStore.open(tmp_path / "out").ids("face") == ["c/b"]  # what was there stays


def test_a_modality_of_sequences_that_is_made_of_no_medium(tmp_path):
    table = corpus(tmp_path / "raw", {"a": noise(1), "b": noise(2)})
    gesture = came({"c/a": [[1, 2], [3, 4], [5, 6]], "c/b": [[7, 8]]})
    make_features(tmp_path, table, LOGMEL, attached={"gesture": gesture})
    store = FeatureStore.open(tmp_path / "out")
    assert store.modalities == ["audio", "gesture"]
    tokens, present = store.tokens("gesture", ["c/b", "c/a"])
    assert tokens.tolist() == [[[7, 8], [0, 0], [0, 0]], [[1, 2], [3, 4], [5, 6]]]
    assert present.tolist() == [[True, False, False], [True, True, True]]


def test_a_modality_of_features_has_no_recipe():
    audio = load(ROOT / "params.yaml").features.audio.model_dump()
    assert list(recipes_of({"gesture": {}, "audio": audio})) == ["audio"]


def test_a_file_that_is_gone_stops_and_is_not_kept_as_unusable(tmp_path):
    table = corpus(tmp_path / "raw", {"a": noise(1)})
    path = tmp_path / "raw" / "a.wav"
    path.rename(tmp_path / "elsewhere")
    with pytest.raises(CorpusError, match=r"c/a: .*a\.wav is in the utterance table but does not exist"):
        make_features(tmp_path, table)
    assert not (tmp_path / "out").exists()
    (tmp_path / "elsewhere").rename(path)
    make_features(tmp_path, table)
    assert FeatureStore.open(tmp_path / "out").ids("audio") == ["c/a"]


def test_params_say_how_each_modality_is_encoded():
    stated = load(ROOT / "params.yaml").features.model_dump()
    models = ModelFiles(Path("model.task"))
    recipes = recipes_of(stated, models)
    assert recipes["text"] == Recipe("text", ("hashing",), {"dimensions": 1024}, models)
    assert recipes["face"].parameters == {"frames": 8, "track": None}
    assert [encoder.name for encoder in recipes["audio"].encoders()] == ["compare", "egemaps"]


def crash(job: Job) -> None:
    """What a decoder's bug does to its process, for the clip of this name."""
    if job.utterance_id == "c/crash":
        os.kill(os.getpid(), signal.SIGSEGV)
    parallel.encode(job)


def crash_alone(recipes, root, job: Job) -> None:
    parallel.begin(recipes, root)
    crash(job)


def end_alone(recipes, root, job: Job) -> None:
    os.kill(os.getpid(), signal.SIGKILL)


@pytest.mark.integration
def test_a_clip_that_ends_its_process_is_left_out_and_the_rest_is_done(tmp_path, monkeypatch):
    clips = {name: noise(seed) for seed, name in enumerate(["a", "b", "crash", "d", "e", "f", "g"])}
    table = corpus(tmp_path / "raw", clips)
    monkeypatch.setattr(parallel, "encode", crash)
    with monkeypatch.context() as twice:
        twice.setattr(parallel, "_alone", crash_alone)
        lines = make_features(tmp_path, table)
    assert "audio/logmel: 1 left out: its decoder or encoder crashed twice (SIGSEGV)" in lines
    assert FeatureStore.open(tmp_path / "out").ids("audio") == [f"c/{name}" for name in "abdefg"]


@pytest.mark.integration
def test_a_process_that_the_system_ends_is_no_fault_of_the_clip(tmp_path, monkeypatch):
    table = corpus(tmp_path / "raw", {"crash": noise(1)})
    monkeypatch.setattr(parallel, "encode", crash)
    with monkeypatch.context() as killed:
        killed.setattr(parallel, "_alone", end_alone)
        with pytest.raises(SettingsError, match="EMOFLOW_WORKERS=1"):
            make_features(tmp_path, table)
    make_features(tmp_path, table)  # tried alone, and it works
    assert FeatureStore.open(tmp_path / "out").ids("audio") == ["c/crash"]


SCRIPT = """
import sys
sys.path[:0] = {paths!r}
if __name__ == "__main__":
    from pathlib import Path
    import pandas as pd
    from test_features import make_features
    make_features(Path({folder!r}), pd.read_parquet({table!r}))
"""


@pytest.mark.integration
def test_killed_in_the_middle_it_goes_on_where_it_was_and_leaves_no_process(tmp_path):
    table = corpus(tmp_path / "raw", {f"{n:03}": noise(n, 20) for n in range(60)})
    table.to_parquet(tmp_path / "table.parquet")
    script = tmp_path / "script.py"
    paths = [str(ROOT), str(ROOT / "tests"), str(ROOT / "tests" / "encoders")]
    script.write_text(SCRIPT.format(paths=paths, folder=str(tmp_path), table=str(tmp_path / "table.parquet")))
    command = [sys.executable, str(script)]

    child = subprocess.Popen(command)
    deadline = time.monotonic() + 120
    while len(done := list((tmp_path / "cache").rglob("*.safetensors"))) < 5:
        assert child.poll() is None and time.monotonic() < deadline
        time.sleep(0.02)
    workers = psutil.Process(child.pid).children(recursive=True)
    child.kill()
    child.wait()
    assert workers
    _, alive = psutil.wait_procs(workers, timeout=30)
    assert not alive
    assert len(done) < 60 and not (tmp_path / "out").exists()

    before = {path: path.stat().st_mtime_ns for path in (tmp_path / "cache").rglob("*.safetensors")}
    subprocess.run(command, check=True)
    assert FeatureStore.open(tmp_path / "out").ids("audio") == sorted(table["utterance_id"])
    assert all(path.stat().st_mtime_ns == time_ns for path, time_ns in before.items())
