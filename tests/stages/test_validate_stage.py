"""The stage in a folder of its own: the verdict is there to be read, whether the contract holds or not."""

import pandas as pd
import pytest
from emoflow import params
from emoflow.artifacts import validation
from emoflow.artifacts.corpora import RAW
from emoflow.artifacts.utterances import UTTERANCES, Unread
from emoflow.artifacts.validation import Verdict
from emoflow.errors import ContractBreach
from emoflow.files import file_digest
from emoflow.schema import UTTERANCE_COLUMNS
from emoflow.stages import validate as stage
from judging import EMOTIONS8, WORDS

pytestmark = [pytest.mark.slow, pytest.mark.corpora]

BROKEN = "Actor_03/03-01-04-01-02-01-03.wav"


@pytest.fixture
def project(ravdess_wavs, tmp_path, monkeypatch):
    """Three actors of RAVDESS as data/raw/ravdess, a clip of 0 bytes among them, and their utterance table."""
    held = params.PATH.read_text(encoding="utf-8")
    wavs = ravdess_wavs(3, 7, 8)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("sys.argv", ["validate", "ravdess"])
    params.PATH.write_text(held, encoding="utf-8")
    for path in sorted(wavs.rglob("*.wav")):
        target = RAW / "ravdess" / path.relative_to(wavs)
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(b"" if path.relative_to(wavs).as_posix() == BROKEN else path.read_bytes())
    rows = []
    for path in sorted((RAW / "ravdess").rglob("*.wav")):
        _, _, emotion, intensity, _, _, actor = path.stem.split("-")
        rows.append(
            {
                "utterance_id": f"ravdess/{path.stem[3:]}",
                "corpus": "ravdess",
                "speaker": f"ravdess/{actor}",
                "audio": path.relative_to(RAW / "ravdess").as_posix(),
                "audio_digest": file_digest(path) if path.stat().st_size else None,
                "label": EMOTIONS8[int(emotion)],
                "label_raw": WORDS[int(emotion)],
                "intensity": {"01": "normal", "02": "strong"}[intensity],
            }
        )
    table = pd.DataFrame(rows, columns=list(UTTERANCE_COLUMNS)).astype(UTTERANCE_COLUMNS)

    def put(**changes) -> None:
        UTTERANCES.write(table.assign(**changes), corpus="ravdess")
        unread = [{"path": "Actor_03/take.wav", "reason": "no name of RAVDESS"}]
        Unread(files=unread).write(corpus="ravdess")

    return put


def verdict() -> dict:
    return Verdict.read(corpus="ravdess").model_dump()


def test_a_corpus_with_one_bad_clip_goes_on_without_it(project, capsys):
    project()
    stage.main()
    held = verdict()
    assert held["ok"]
    assert held["counts"]["utterances"] == 180
    name = "ravdess/01-04-01-02-01-03"
    assert held["excluded"] == [{"utterance_id": name, "modality": "audio", "reason": "0 bytes"}]
    assert held["unusable"] == [name]
    assert held["unread"] == [{"path": "Actor_03/take.wav", "reason": "no name of RAVDESS"}]
    assert "Actor_03/take.wav" in (validation.DATA_DOCS / "ravdess" / "index.html").read_text(
        encoding="utf-8"
    )
    assert held["original_copies"] == ["ravdess/01-03-01-02-01-07", "ravdess/01-03-01-02-02-07"]
    copies = next(each for each in held["warnings"] if each["column"] == "audio_digest")
    assert copies["rows"] == ["ravdess/01-03-01-02-01-07", "ravdess/01-03-01-02-02-07"]
    said = capsys.readouterr()
    assert "the contract holds for 180 utterances" in said.out
    assert said.out.rstrip().endswith("each with its reason: reports/validation/ravdess/verdict.json")
    assert (
        f"warning: utterances, audio_state: expected audio that can be used, in every utterance that has any; "
        f"found 'unusable' in 1 of 180: {name}." in said.err
    )
    assert "under `excluded` of reports/validation/ravdess/verdict.json" in said.err
    assert {path.name for path in (validation.DATA_DOCS / "ravdess").iterdir()} == {
        "classes.html",
        "counts.html",
        "index.html",
        "speakers.html",
        "utterances.html",
    }

    whole = {path: path.read_bytes() for path in validation.FOLDER.rglob("*") if path.is_file()}
    stage.main()
    assert whole == {path: path.read_bytes() for path in validation.FOLDER.rglob("*") if path.is_file()}


def test_a_breach_stops_and_leaves_the_verdict_to_be_read(project):
    project(label="rage")
    with pytest.raises(
        ContractBreach, match=r"breaks its contract in 1 place.*\n.*'rage' in 180 of 180.*declared"
    ):
        stage.main()
    assert not verdict()["ok"]
    assert "rage" in (validation.DATA_DOCS / "ravdess" / "index.html").read_text(encoding="utf-8")


def test_under_quarantine_the_rest_goes_on_and_the_fingerprints_are_there(project, capsys):
    held = params.PATH.read_text(encoding="utf-8")
    params.PATH.write_text(held.replace("on_breach: refuse", "on_breach: quarantine"), encoding="utf-8")
    project()
    table = pd.read_parquet(UTTERANCES.path(corpus="ravdess"))
    table.loc[table.index[:2], "label"] = "rage"
    table.iloc[::-1].to_parquet(UTTERANCES.path(corpus="ravdess"))
    stage.main()
    outcome = verdict()
    assert outcome["ok"]
    wrong = table["utterance_id"].iloc[:2].tolist()
    assert [each["utterance_id"] for each in outcome["quarantined"]] == wrong
    assert outcome["quarantined"][0]["reasons"][0].endswith("found 'rage'")
    said = capsys.readouterr()
    assert "the contract holds for 178 utterances" in said.out
    assert "2 utterance(s) set aside" in said.out
    assert "found 'rage' in 2 of 180" in said.err
    page = (validation.DATA_DOCS / "ravdess" / "index.html").read_text(encoding="utf-8")
    assert "without 2 that break it and are set aside" in page

    prints = pd.read_parquet(validation.FOLDER / "ravdess" / "fingerprints.parquet")
    assert list(prints.columns) == ["utterance_id", "audio_fingerprint", "face_fingerprint"]
    assert prints["utterance_id"].tolist() == sorted(table["utterance_id"])
    assert prints.set_index("utterance_id")["audio_fingerprint"].isna().sum() == 1  # the clip of 0 bytes
    assert prints["face_fingerprint"].isna().all()


def test_a_control_corpus_in_another_layout_is_not_counted_as_that_corpus(project):
    project()
    stage.main()
    lacking = "lacking"
    assert lacking in {each["column"] for each in verdict()["warnings"]}
    (RAW / "ravdess" / "truth").mkdir()  # a folder that anyone may have
    stage.main()
    assert lacking in {each["column"] for each in verdict()["warnings"]}
    (RAW / "ravdess" / "truth" / "request.json").write_text("{}")
    stage.main()
    assert lacking not in {each["column"] for each in verdict()["warnings"]}


def test_features_that_came_along_are_joined_and_what_they_lack_is_named(project):
    project()
    table = pd.read_parquet(UTTERANCES.path(corpus="ravdess"))
    names = [f"03-{each.removeprefix('ravdess/')}" for each in table["utterance_id"]]
    folder = RAW / "ravdess" / "attached"
    folder.mkdir()
    features = pd.DataFrame({"name": [*names[:150], "03-01-01-01-01-01-24"], "AU01": 0.5})
    features.to_csv(folder / "face.csv", index=False)
    by_fold = pd.concat([pd.DataFrame({"name": names, "x": 0.5}).assign(fold=fold) for fold in (0, 1)])
    by_fold.to_csv(folder / "hubert.csv", index=False)
    heard = "{0: {training_speakers: ['03']}, 1: {training_speakers: ['07']}}"
    declared = f"protocol: ravdess8.kfold2\nkind: features\nfolds: {heard}\n"
    (folder / "hubert.folds.yaml").write_text(declared)
    stage.main()
    outcome = verdict()
    breach = next(each for each in outcome["warnings"] if each["column"] == "face_features_coverage")
    assert breach["rows"] == sorted(table["utterance_id"].iloc[150:])
    assert outcome["counts"]["features"] == {"face": 150, "hubert": 180}
    assert outcome["features"]["hubert"] == "of fold 0, 1: 1 features of 180 of 180 utterances"
    assert outcome["fold_features"] == {
        "hubert": {
            "protocol": "ravdess8.kfold2",
            "kind": "features",
            "classes": [],
            "training_speakers": {0: ["03"], 1: ["07"]},
        }
    }
    assert "150 of 180" in outcome["features"]["face"]
    assert "1 clip(s) are not of this corpus" in outcome["features"]["face"]
