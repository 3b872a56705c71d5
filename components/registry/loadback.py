"""The load-back check: what the registry gives back, in a clean process, is the model that was trained.

The version is downloaded, every file of it is compared with what was recorded at publishing, and it is run by a fresh
interpreter in another folder, which sees nothing of this repository,
on several batch sizes, clip lengths and subsets of the modalities; its answers are compared with those of the same
weights run here, one row at a time, and, on recordings of the corpora, with the features that training saw.
"""

import base64
import io
import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from ..artifacts.corpora import RAW
from ..artifacts.features import FOLDER as FEATURES
from ..artifacts.utterances import UTTERANCES
from ..errors import MediaError, RegistryError
from ..files import digest_of, read_json, write_json
from ..lineage import Store
from ..schema import file_of
from .download import MODEL, fetch_verified
from .manifest import file_digests
from .tracking import tracking, version_of

if TYPE_CHECKING:
    from .inference import Predictor

TOLERANCE = 1e-5
LENGTHS_S = (0.5, 1.0, 2.7)
RECORDINGS = 4
TIMEOUT_S = 600
CLEAN = Path(__file__).with_name("clean.py")


def check(name: str, version: int, *, root: str | Path, tracking_uri: str, store: Store) -> dict[str, Any]:
    """Load a version back and compare; recordings are taken from ``root``'s corpora, where there are any.

    Args:
        name: the registered model.
        version: the version to check.
        root: the project's root.
        tracking_uri: MLflow's tracking and registry URI.
        store: the lineage database, which knows what the version's files should be.

    Returns:
        ``{"ok", "package_sha256", "cases": [{"case", "rows", "difference", "ok"}], "problems": [text]}``;
        ``difference`` is the largest between two probabilities, ``package_sha256`` the digest of what was run (None
        where nothing was).
    """
    from .inference import Predictor

    root = Path(root)
    nothing_run = {"ok": False, "package_sha256": None, "cases": []}
    with tempfile.TemporaryDirectory(prefix="load-back-") as folder:
        try:
            downloaded = _downloaded(name, version, root, tracking_uri, store, Path(folder))
        except RegistryError as error:
            return nothing_run | {"problems": [str(error)]}
        package_sha256 = digest_of(file_digests(downloaded))
        predictor = Predictor(downloaded / MODEL)
        recordings = _recordings(root, predictor)
        rows = [*_made(predictor), *(row for row, _ in recordings)]
        cases = [{"name": f"batches of {size}", "rows": rows[at : at + size]}
                 for size in (1, 3, len(rows)) for at in range(0, len(rows), size)]  # fmt: skip
        try:
            answer = run_clean(downloaded, cases, folder=Path(folder))
        except RegistryError as error:
            return nothing_run | {"problems": [str(error)]}
        expected = [_record(predictor, row) for row in rows]
        compared: dict[str, dict[str, Any]] = {}
        for case, given in zip(answer["cases"], cases, strict=True):
            for row, found in zip(given["rows"], case["rows"], strict=True):
                _compare(compared, case["name"], found, expected[_index(rows, row)], predictor.classes)
        whole = answer["cases"][-1]["rows"][len(rows) - len(recordings) :]
        for found, (_, tokens) in zip(whole, recordings, strict=True):
            if any(predictor.card.tuned(name) for name in tokens):
                continue  # what training stored are the frozen encoder's features
            trained = {
                f"p_{each}": p
                for each, p in zip(predictor.classes, predictor.probabilities([tokens])[0], strict=True)
            }
            _compare(compared, "features that training saw", found, found | trained, predictor.classes)
    problems = [f"it imports {', '.join(answer['ours'])} of this repository"] if answer["ours"] else []
    cases = [
        {"case": case, **result, "ok": result["difference"] <= TOLERANCE} for case, result in compared.items()
    ]
    ok = not problems and all(case["ok"] for case in cases)
    return {"ok": ok, "package_sha256": package_sha256, "cases": cases, "problems": problems}


def loads(name: str, version: int, *, root: str | Path, tracking_uri: str, store: Store) -> str | None:
    """Try whether a version is as it was published, and runs in a clean process.

    Args:
        name: the registered model.
        version: the version to try.
        root: the project's root.
        tracking_uri: MLflow's tracking and registry URI.
        store: the lineage database, which knows what the version's files should be.

    Returns:
        Why not; None if it does.
    """
    rows = [{"text": "hello", "audio": None, "video": None}]
    with tempfile.TemporaryDirectory(prefix="load-back-") as folder:
        try:
            downloaded = _downloaded(name, version, Path(root), tracking_uri, store, Path(folder))
            run_clean(downloaded, [{"name": "text", "rows": rows}], folder=Path(folder))
        except RegistryError as error:
            return str(error)
    return None


def run_clean(model: Path, cases: list[dict], *, folder: Path) -> dict[str, Any]:
    """Run ``clean.py`` on the cases.

    Args:
        model: the folder of the model, as `fetch_verified` returns it.
        cases: ``{"name", "rows": [{column: value}]}`` each.
        folder: a folder for what passes between the processes.

    Returns:
        What ``clean.py`` wrote.

    Raises:
        RegistryError: it failed or took too long, with the last lines that it printed.
    """
    job, out, elsewhere = folder / "job.json", folder / "out.json", folder / "elsewhere"
    elsewhere.mkdir()
    write_json(job, {"model": str(model), "cases": [
        {"name": case["name"], "rows": [{key: _plain(value) for key, value in row.items()} for row in case["rows"]]}
        for case in cases
    ]})  # fmt: skip
    keep = {key: value for key, value in os.environ.items() if not key.startswith(("PYTHON", "MLFLOW_RUN"))}
    environment = keep | {"MLFLOW_ALLOW_PICKLE_DESERIALIZATION": "false", "MLFLOW_DISABLE_TELEMETRY": "true"}
    try:
        done = subprocess.run(
            [sys.executable, "-I", str(CLEAN), str(job), str(out)],
            cwd=elsewhere,
            env=environment,
            capture_output=True,
            text=True,
            errors="replace",
            timeout=TIMEOUT_S,
            check=False,
        )
    except subprocess.TimeoutExpired:
        raise RegistryError(f"it had not answered after {TIMEOUT_S} s in a clean process") from None
    if done.returncode or not out.is_file():
        last_lines = [line for line in done.stderr.splitlines() if line.strip()][-3:]
        raise RegistryError(f"it does not run in a clean process: {' | '.join(last_lines)}")
    return read_json(out)


def _downloaded(name: str, version: int, root: Path, tracking_uri: str, store: Store, folder: Path) -> Path:
    with tracking(tracking_uri, root=root) as client:
        return fetch_verified(version_of(client, name, version), folder / "model", store=store)


def _made(predictor: "Predictor") -> list[dict[str, Any]]:
    """Rows of sound of several lengths as bytes, words, features, nothing at all; each modality alone and together."""
    generator = np.random.default_rng(7)
    text = "I did not expect that at all!"
    rows = [
        {"audio": _sound(seconds), "text": text if number else None}
        for number, seconds in enumerate(LENGTHS_S)
    ]
    rows += [{"text": text}, {"audio": b"not a recording"}, {}]
    for modality, layout in predictor.layouts.items():
        if modality in predictor.columns and modality not in ("audio", "video", "text"):
            features = generator.normal(size=sum(size for _, size in layout)).tolist()
            rows += [{modality: features}, {modality: features, "text": text, "audio": _sound(1.0)}]
    return [dict.fromkeys(predictor.columns) | row for row in rows]


def _sound(seconds: float) -> bytes:
    """A wav file of a voice-like tone with a little noise, at 16 kHz."""
    import soundfile

    at = np.arange(int(seconds * 16000)) / 16000
    pitch = 140 + 30 * np.sin(2 * np.pi * 0.7 * at)
    phase = 2 * np.pi * np.cumsum(pitch) / 16000
    sound = sum(np.sin(k * phase) / k for k in range(1, 12)) * (0.6 + 0.4 * np.sin(2 * np.pi * 3 * at))
    sound += np.random.default_rng(7).normal(0, 0.02, len(at))
    file = io.BytesIO()
    soundfile.write(file, 0.2 * sound, 16000, subtype="PCM_16", format="WAV")
    return file.getvalue()


def _recordings(root: Path, predictor: "Predictor") -> list[tuple[dict[str, Any], dict[str, np.ndarray]]]:
    """A few utterances of the corpora, as rows of media and as the features that training saw; none if not here."""
    import pandas as pd

    from ..artifacts.features import RECOGNISED
    from ..encoders.dialogue import turns
    from ..encoders.store import open_all
    from ..errors import FeatureError

    corpora = predictor.card.corpora
    if not all(
        UTTERANCES.path(root, corpus=name).is_file() and (root / FEATURES / name).is_dir() for name in corpora
    ):
        return []
    try:
        store = open_all(root / FEATURES, corpora)
    except FeatureError:
        return []
    if any([list(each) for each in store.layout(m)] != [list(each) for each in layout]
           or store.join(m) != predictor.card.modalities[m].join
           for m, layout in predictor.layouts.items() if m in store.modalities):  # fmt: skip
        return []  # another experiment's features
    text = predictor.card.modalities.get("text")
    recognised = all(RECOGNISED.path(root, corpus=name).is_file() for name in corpora)
    if text and "text" in store.modalities and bool(text.recogniser) != recognised:
        return []  # of transcripts where the model recognises words, or the other way round
    table = pd.concat([UTTERANCES.read(root, corpus=name) for name in corpora], ignore_index=True)
    recogniser = text.recogniser if text else None
    if recogniser and recognised:  # the model is given no words but those of the turns before
        words = pd.concat([RECOGNISED.read(root, corpus=name) for name in corpora])
        table["text"] = table["utterance_id"].map(words.set_index("utterance_id")["text"])
    chosen = table.iloc[np.unique(np.linspace(0, len(table) - 1, RECORDINGS).astype(int))]
    found = []
    said = {}
    if text and text.context:
        encoded = table["utterance_id"].isin(store.ids("text"))
        said = turns(table[encoded], context=text.context)
    for row in chosen.to_dict("records"):
        media, tokens = dict.fromkeys(predictor.columns), {}
        folder = root / RAW / row["corpus"]
        for column in ("audio", "video"):
            if not pd.isna(row[column]):
                media[column] = str((folder / row[column]).resolve())
        if not pd.isna(row["text"]) and not recogniser:
            media["text"] = row["text"]
        if turn := said.get(row["utterance_id"]):
            context = [[line.speaker, line.text] for line in turn.earlier]
            media |= {"speaker": turn.speaker, "context": context}
        for modality in predictor.layouts:
            if modality not in store.modalities:
                continue
            fold = next(
                iter(store.folds(modality)), None
            )  # any that there is: predictions are compared, not judged
            values, present = store.tokens(modality, [row["utterance_id"]], [fold])
            if present.any():
                tokens[modality] = values[0][present[0]]
                if modality in predictor.columns and modality not in media:
                    media[modality] = None
                if modality in predictor.columns and predictor.card.modalities[modality].came_along:
                    media[modality] = tokens[modality].astype(float).tolist()
        paths = [media[column] for column in ("audio", "video") if isinstance(media[column], str)]
        if tokens and all(Path(file_of(path)).is_file() for path in paths):
            found.append((media, tokens))
    return found


def _record(predictor: "Predictor", row: dict[str, Any]) -> dict[str, Any]:
    import pandas as pd

    frame = pd.DataFrame({key: pd.Series([value], dtype=object) for key, value in row.items()})
    return json.loads(predictor.table(frame).to_json(orient="records", double_precision=15))[0]


def _compare(compared: dict, case: str, found: dict, expected: dict, classes: list[str]) -> None:
    result = compared.setdefault(case, {"rows": 0, "difference": 0.0})
    result["rows"] += 1
    names = [f"p_{each}" for each in classes]
    if (
        any((found[n] is None) != (expected[n] is None) for n in names)
        or found["modalities_used"] != expected["modalities_used"]
    ):
        result["difference"] = 1.0  # one of them could use what the other could not
    elif found[names[0]] is not None:
        apart = max(abs(found[n] - expected[n]) for n in names)
        result["difference"] = max(result["difference"], float(apart))


def _index(rows: list[dict], row: dict) -> int:
    return next(number for number, each in enumerate(rows) if each is row)


def _plain(value: Any) -> Any:
    if isinstance(value, bytes):
        return {"base64": base64.b64encode(value).decode()}
    if value is None or isinstance(value, str | list):
        return value
    raise MediaError(f"a {type(value).__name__} cannot be handed to another process")
