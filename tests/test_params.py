"""params.yaml: what is in the project is valid, and what is wrong is named with its key."""

import pytest
import yaml
from conftest import ROOT
from dvc.utils.serialize import dump_yaml
from emoflow import params
from emoflow.errors import ParamsError


@pytest.fixture
def held() -> dict:
    return yaml.safe_load((ROOT / "params.yaml").read_text())


def load(held, tmp_path):
    path = tmp_path / "params.yaml"
    path.write_text(yaml.safe_dump(held))
    return params.load(path)


def test_the_projects_own(held, tmp_path):
    loaded = load(held, tmp_path)
    assert loaded.corpora == ["control"]
    assert loaded.space().name == "emotion7"
    assert loaded.protocol_name() == "kfold4"
    assert loaded.model_name() == "emotion-emotion7"


def test_another_corpus_is_one_key(held, tmp_path):
    held["corpora"] = ["ravdess"]
    loaded = load(held, tmp_path)
    assert (loaded.space().name, loaded.protocol_name()) == ("ravdess8", "ravdess8.luna5")


def test_auto_cannot_choose_between_corpora(held, tmp_path):
    held["corpora"] = ["control", "ravdess"]
    with pytest.raises(ParamsError, match=r"label_space is 'auto', and the corpora differ .*name one there"):
        load(held, tmp_path).space()


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (
            lambda p: p["search"].update(epoch=3),
            r"'search\.epoch' is not known; did you mean 'search\.epochs'",
        ),
        (
            lambda p: p["layouts"].update(mylab={"patern": "x", "layout": "folder"}),
            r"'layouts\.mylab\.patern' is not known; did you mean 'layouts\.mylab\.pattern'",
        ),
        (
            lambda p: p["label_spaces"].update(s2={"clases": ["calm", "tense"]}),
            r"'label_spaces\.s2\.clases' is not known; did you mean 'label_spaces\.s2\.classes'",
        ),
        (
            lambda p: p["folds"].update(exclude={"mylab": {"reason": "r", "speakers": ["S04"]}}),
            r"'folds\.exclude\.mylab\.speakers' is not known; did you mean 'folds\.exclude\.mylab\.reason'",
        ),
        (
            lambda p: p["preparation"].update(components=600),
            r"components is 600, above 512: nothing would be reduced",
        ),
        (
            lambda p: p["preparation"].update(reduction="ica"),
            r"preparation\.reduction is 'ica'.*'autoencoder'",
        ),
        (lambda p: p["search"].pop("epochs"), r"search\.epochs is missing"),
        (lambda p: p["search"].update(epochs="many"), r"search\.epochs is 'many': .*integer"),
        (
            lambda p: p["features"]["face"].update(frames=0),
            r"features\.face\.frames is 0: .*or equal to 1",
        ),
        (
            lambda p: p["features"]["audio"].update(join="stream"),
            r"features\.audio\.join is 'stream': .*'concatenate' or 'streams'",
        ),
        (lambda p: p.update(corpora=["../ravdess"]), r"corpora\.0 is '\.\./ravdess'"),
        (lambda p: p.update(layouts={"mylab": {"layout": "foldr"}}), r"layouts\.mylab\.layout is 'foldr'"),
        (lambda p: p.update(layouts={"mylab": {"pattern": "(?P<lab>x)"}}), r"has no group \(\?P<label>"),
        (lambda p: p.update(layouts={"mylab": {"pattern": "("}}), r"is no regular expression"),
        (
            lambda p: p.update(layouts={"mylab": {"labels": {"wut": "rage"}}}),
            r"layouts\.mylab\.labels\.wut is 'rage'",
        ),
        (lambda p: p.update(layouts={"mylab": {"scale": [5, 1]}}), r"give the lowest, then the highest"),
        (
            lambda p: p.update(label_spaces={"emotion7": {"classes": ["anger", "fear"]}}),
            r"emotion7 is emoflow's own",
        ),
        (
            lambda p: p.update(label_spaces={"stress2": {"classes": ["calm", "tense"]}}),
            r"no label is mapped to tense",
        ),
        (
            lambda p: p.update(
                label_spaces={"s2": {"classes": ["calm", "fear"], "mapping": {"anger": "rage"}}}
            ),
            r"maps to rage, which is none of its classes",
        ),
        (lambda p: p["folds"].update(waivers={"session": ""}), r"folds\.waivers\.session is ''"),
        (lambda p: p.update(corpora=["control", "control"]), r"corpora: named twice: control"),
        (lambda p: p.update(label_space="emotion9"), r"'emotion9' is not known"),
        (lambda p: p.update(modalities=["Smell"]), r"modalities\.0 is 'Smell'"),
        (
            lambda p: p.update(modalities=["video"]),
            "'video' is a medium; its pictures are the modality 'face'",
        ),
        (lambda p: p.update(corpora=["../etc"]), r"corpora\.0 is '\.\./etc'"),
        (
            lambda p: p["robustness"].update(conditions={"nois": [10]}),
            r"robustness\.conditions: 'nois' is not known; did you mean 'noise'\?",
        ),
        (
            lambda p: p["robustness"].update(conditions={"blur": [0.1, 3]}),
            r"robustness\.conditions: blur holds 3; give levels from 0 to 0\.5 \(share of the height\)",
        ),
        (
            lambda p: p["robustness"].update(conditions={"missing": []}),
            r"missing has no level; give levels from 0 to 1",
        ),
        (lambda p: p["robustness"].update(conditions={"noise": [0, 0]}), r"noise names a level twice"),
        (
            lambda p: p["robustness"].update(conditions={"noise": ["loud"]}),
            r"robustness\.conditions\.noise\.0 is 'loud'",
        ),
        (lambda p: p["robustness"].update(utterances=0), r"robustness\.utterances is 0"),
        (lambda p: p["evaluate"].update(resamples=2000), r"evaluate: resamples is no longer a key: .*remove"),
    ],
)
def test_what_is_wrong_is_named(held, tmp_path, change, message):
    change(held)
    with pytest.raises(ParamsError, match=message):
        load(held, tmp_path)


def test_behind_auto_may_stand_how_little_is_left_to_learn_from(held, tmp_path):
    held["protocol"] = "auto.shots8"
    assert load(held, tmp_path).protocol_name() == "kfold4.shots8"
    held["corpora"] = ["mylab"]
    assert load(held, tmp_path).protocol_name() == "auto.shots8"


@pytest.mark.parametrize(("configurations", "batches"), [(1, 1), (3, 2)])
def test_one_alone_has_nobody_to_go_on_from(held, tmp_path, configurations, batches):
    held["search"] |= {"evolve": True, "configurations": configurations, "batches": batches}
    with pytest.raises(ParamsError, match="which needs two"):
        load(held, tmp_path)
    held["search"]["configurations"] = 2 * batches
    assert load(held, tmp_path).search.evolve


def test_no_file_and_no_yaml(tmp_path):
    with pytest.raises(ParamsError, match="project's root"):
        params.load(tmp_path / "params.yaml")
    (tmp_path / "params.yaml").write_text("a: [1")
    with pytest.raises(ParamsError, match="not YAML"):
        params.load(tmp_path / "params.yaml")


@pytest.mark.parametrize(
    ("section", "key", "value", "message"),
    [
        ("search", "halvings", 9, "halvings is 9, too many for 40 epochs; at most 5"),
        ("validation", "shortest_s", 90, "shortest_s is 90.0, longest_s 60.0"),
        ("search", "halvings", 9, r"params\.yaml: search: halvings is 9"),  # without all that search holds
        ("search", "space", {"focal": []}, r"params\.yaml: search\.space: focal is an empty list"),
    ],
)
def test_values_that_do_not_go_together(held, tmp_path, section, key, value, message):
    held[section][key] = value
    with pytest.raises(ParamsError, match=message):
        load(held, tmp_path)


WORDS = "no", "yes", "on", "off"
"""Truth values in YAML 1.1, and words in YAML 1.2, which DVC writes."""


def test_a_file_that_dvc_wrote_reads_as_dvc_reads_it(held, tmp_path):
    held["layouts"] = {"mylab": {"layout": "folder", "labels": {"on": "anger"}, "language": "no"}}
    held["label_spaces"] = {"own": {"classes": list(WORDS), "raw": {"mylab": dict.fromkeys(WORDS, "no")}}}
    held["search"]["space"] = {"learning_rate": {"log": [1e-5, 1e-3]}}
    path = tmp_path / "params.yaml"
    dump_yaml(path, held)
    assert "language: no\n" in path.read_text()  # the quotes are gone
    loaded = params.load(path)
    assert loaded.layout("mylab").language == "no"
    assert loaded.label_spaces["own"].classes == list(WORDS)
    assert loaded.search.space == {"learning_rate": {"log": [1e-5, 1e-3]}}


def test_a_key_that_is_there_twice(held, tmp_path):
    path = tmp_path / "params.yaml"
    path.write_text(yaml.safe_dump(held) + "corpora: [ravdess]\n")
    with pytest.raises(ParamsError, match=r"params\.yaml is not YAML: line \d+, column 1: .*key \"corpora\""):
        params.load(path)


def test_words_of_either_unicode_form_are_one(held, tmp_path):
    decomposed, composed = "u\u0308ber", "\u00fcber"
    held["label_spaces"] = {"own": {"classes": [decomposed, "calm"], "raw": {"mylab": {"1": composed}}}}
    path = tmp_path / "params.yaml"
    path.write_text(yaml.safe_dump(held, allow_unicode=True), encoding="utf-8")
    assert params.load(path).label_spaces["own"].classes == [composed, "calm"]


def test_a_face_may_have_several_encoders(held, tmp_path):
    held["features"]["face"]["encoders"] = ["appearance", "landmarks"]
    assert load(held, tmp_path).features.face.encoders == ["appearance", "landmarks"]


def test_a_model_without_its_key_is_refused_with_how_it_is_written(held, tmp_path):
    held["features"]["audio"]["encoders"] = ["egemaps", "ge2e"]
    with pytest.raises(ParamsError, match=r"encoders\.1 is 'ge2e': .* 'logmel', or a model as \{hf: NAME\}$"):
        load(held, tmp_path)


def test_a_word_stands_for_the_pretrained_encoders_of_all_modalities(held, tmp_path):
    held["features"] = "pretrained"
    features = load(held, tmp_path).features
    stated = {name: getattr(features, name).encoders for name in ("audio", "text", "face")}
    assert {name: [each.hf for each in of if not isinstance(each, str)] for name, of in stated.items()} == {
        "audio": ["whisper-tiny.en"],
        "text": ["minilm-l6"],
        "face": ["dinov2-small"],
    }
    held["features"] = "pretraind"
    with pytest.raises(ParamsError, match="features: 'pretraind' is not known; did you mean 'pretrained'"):
        load(held, tmp_path)


def test_a_text_encoder_may_read_earlier_turns(held, tmp_path):
    held["features"]["text"]["encoders"] = [{"hf": "minilm-l6"}, {"hf": "minilm-l6", "context": 3}]
    assert [each.context for each in load(held, tmp_path).features.text.encoders] == [0, 3]


def test_words_come_from_transcripts_or_from_a_recogniser(held, tmp_path):
    text = held["features"]["text"]
    assert load(held, tmp_path).features.text.recogniser is None
    text |= {"from": "asr", "model": "whisper-tiny.en"}
    found = load(held, tmp_path).features.text
    assert found.recogniser == {"hf": "whisper-tiny.en", "language": None}
    assert set(found.model_dump()) == {"encoders", "dimensions", "join"}  # what the encoders are made with
    text["from"] = "transcripts"  # the model may stay
    assert load(held, tmp_path).features.text.recogniser is None


@pytest.mark.parametrize(
    "stated, said",
    [
        (
            {"from": "asr", "model": None},
            r"features\.text: from is asr, which needs a model .*: whisper-tiny\.en",
        ),
        ({"from": "ears"}, r"features\.text\.from is 'ears': .*'transcripts' or 'asr'"),
        ({"form": "asr"}, r"'features\.text\.form' is not known; did you mean 'features\.text\.from'"),
        ({"language": "Finnish"}, r"features\.text\.language is 'Finnish'"),
    ],
)
def test_where_words_come_from_is_checked(stated, said, held, tmp_path):
    held["features"]["text"] |= stated
    with pytest.raises(ParamsError, match=said):
        load(held, tmp_path)


@pytest.mark.parametrize(
    "modality, stated, said",
    [
        (
            "text",
            {"context": -1},
            r"features\.text\.encoders\.0\.context is -1: .*greater than or equal to 0",
        ),
        ("text", {"contxt": 3}, r"contxt' is not known; did you mean 'features\.text\.encoders\.0\.context'"),
        ("audio", {"context": 3}, r"'features\.audio\.encoders\.0\.context' is not known"),
    ],
)
def test_a_context_is_a_number_of_turns_of_text(modality, stated, said, held, tmp_path):
    held["features"][modality]["encoders"] = [{"hf": "minilm-l6", **stated}]
    with pytest.raises(ParamsError, match=said):
        load(held, tmp_path)


def test_the_layers_of_a_model_may_be_weighted(held, tmp_path):
    encoder = {"hf": "whisper-tiny.en", "layers": "weighted"}
    held["features"]["audio"]["encoders"] = ["egemaps", encoder]
    stated = load(held, tmp_path).features.audio.model_dump()["encoders"][1]
    assert stated == encoder | {"revision": None, "pooling": "mean-std", "tune": None}
    encoder["layers"] = "all"
    with pytest.raises(
        ParamsError, match=r"layers is 'all'; give a number, a list of numbers, .* or weighted"
    ):
        load(held, tmp_path)


def test_a_text_model_may_be_tuned(held, tmp_path):
    encoder = {"hf": "minilm-l6", "context": 3, "tune": "lora"}
    held["features"]["text"]["encoders"] = [encoder]
    loaded = load(held, tmp_path)
    assert loaded.features.text.encoders[0].tune == "lora"
    assert loaded.train.tuning.learning_rate is None and loaded.train.tuning.rank == 8
    for stated, said in (
        (
            {"tune": "adapters"},
            r"features\.text\.encoders\.0\.tune is 'adapters': input should be 'lora' or 'full'",
        ),
        ({"layers": "weighted"}, r"features\.text\.encoders\.0: tune is 'lora', and layers: weighted keeps"),
    ):
        held["features"]["text"]["encoders"] = [encoder | stated]
        with pytest.raises(ParamsError, match=said):
            load(held, tmp_path)


@pytest.mark.parametrize(
    "beside, said",
    [
        ({"join": "streams"}, r"features\.text: tune \(minilm-l6\) is not supported with join: streams"),
        (
            {},
            r"features\.text: tune \(minilm-l6\) is not supported where several encoders have pooling: none",
        ),
    ],
)
def test_a_tuned_model_has_no_other_sequence_beside_it(beside, said, held, tmp_path):
    tuned, other = ({"hf": name, "pooling": "none"} for name in ("minilm-l6", "roberta-base"))
    held["features"]["text"] |= {"encoders": [tuned | {"tune": "lora"}, other], **beside}
    with pytest.raises(ParamsError, match=said):
        load(held, tmp_path)


@pytest.mark.parametrize("modality", ["audio", "face"])
def test_models_of_speech_and_of_pictures_may_be_tuned_and_an_av_hubert_may_not(modality, held, tmp_path):
    encoders = held["features"][modality]["encoders"] = [{"hf": "mine", "tune": "lora"}]
    assert getattr(load(held, tmp_path).features, modality).encoders[0].tune == "lora"
    encoders[0] = {"av_hubert": "mine", "tune": "lora"}
    held["features"]["face"]["track"] = "cascade"
    with pytest.raises(
        ParamsError, match=rf"{modality}\.encoders\.0: tune is not supported for an AV-HuBERT"
    ):
        load(held, tmp_path)


@pytest.mark.parametrize("pooling, refused", [("none", True), ("mean", False)])
def test_tuned_pictures_have_no_sequence_of_another_rate_beside_them(pooling, refused, held, tmp_path):
    held["features"]["face"] |= {
        "track": "cascade",
        "encoders": [{"hf": "vit", "tune": "lora"}, {"av_hubert": "mine", "pooling": pooling}],
    }
    if refused:
        with pytest.raises(ParamsError, match=r"features\.face: tune \(vit\).*\(mine, vit\)"):
            load(held, tmp_path)
    else:
        load(held, tmp_path)


def test_a_part_of_a_batch_has_rows(held, tmp_path):
    held["train"]["tuning"] = {"batch": 2, "accumulate": 4}
    with pytest.raises(ParamsError, match=r"train\.tuning: accumulate is 4, batch 2"):
        load(held, tmp_path)


def test_blendshapes_need_a_track_of_mediapipes(held, tmp_path):
    face = held["features"]["face"]
    assert not load(held, tmp_path).features.face.runs_landmarker
    face["encoders"] = ["blendshapes"]
    for track in (None, "cascade"):
        face["track"] = track
        with pytest.raises(
            ParamsError, match=r"features\.face.*blendshapes needs track: mediapipe, and it is"
        ):
            load(held, tmp_path)
    face["track"] = "mediapipe"
    assert load(held, tmp_path).features.face.runs_landmarker
    face.update(encoders=["appearance"], follow="active-speaker")
    assert load(held, tmp_path).features.face.follow == "active-speaker"
    face["track"] = "cascade"
    with pytest.raises(ParamsError, match=r"features\.face.*set track to mediapipe \(it is cascade\)"):
        load(held, tmp_path)
    face.update(follow="largest", track="dlib")
    with pytest.raises(ParamsError, match=r"features\.face\.track"):
        load(held, tmp_path)


def test_the_face_that_is_followed_by_default_is_not_said(held, tmp_path):
    """What is digested and published stays as it was before there was a choice."""
    face = held["features"]["face"]
    face["track"] = "mediapipe"
    before = load(held, tmp_path).features.face.model_dump()
    assert "follow" not in before
    face["follow"] = "largest"
    assert load(held, tmp_path).features.face.model_dump() == before
    face["follow"] = "active-speaker"
    assert load(held, tmp_path).features.face.model_dump() == before | {"follow": "active-speaker"}
