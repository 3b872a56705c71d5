"""A published model with an AV-HuBERT among its encoders, from params.yaml's words to a film's emotion."""

import shutil

import av
import numpy as np
import pandas as pd
import pytest
import torch
from emoflow.artifacts.model import ModelCard
from emoflow.encoders import ModelFiles, encode, layout_of, make, name_of
from emoflow.encoders.av_hubert.configuration import AvHubertConfig
from emoflow.encoders.av_hubert.network import AvHubert
from emoflow.evaluation.timing.stopwatch import Stopwatch
from emoflow.fusion.model import EmotionModel
from emoflow.fusion.preparation import Preparation, plan
from emoflow.fusion.strategy import build
from emoflow.params import features_section
from emoflow.registry.explaining.explain import explain_row
from emoflow.registry.inference import Predictor
from emoflow.registry.package import pack
from emoflow.registry.timed_model import time_stages
from safetensors.torch import save_file

pytestmark = [pytest.mark.corpora, pytest.mark.slow]

CLASSES, CONFIG = ["anger", "neutral"], {"width": 8, "layers": 1}


@pytest.fixture(scope="module")
def published(tmp_path_factory, corpora):
    """A packed model of faces and sound, trained on one film; the tokens that it was trained on; and the package."""
    root = tmp_path_factory.mktemp("published")
    torch.manual_seed(0)
    AvHubert(AvHubertConfig.tiny(num_hidden_layers=1)).save_pretrained(root / "encoders" / "av-tiny")
    models = ModelFiles(pretrained=root / "encoders")
    face = {
        "encoders": ["appearance", {"av_hubert": "av-tiny", "roi": "mouth"}],
        "frames": 4,
        "track": "cascade",
    }
    sections = {
        "audio": features_section("audio", {"encoders": [{"av_hubert": "av-tiny", "layers": 1}]}),
        "face": features_section("face", face),
    }
    modalities, tokens = {}, {}
    for name, section in sections.items():
        stated = {name_of(each): each for each in section.pop("encoders")}
        join = section.pop("join")
        made = make(list(stated.values()), section, modality=name, models=models, join=join)
        tokens[name] = encode(made, corpora / "video" / "lbax4n.mpg", join=join)
        modalities[name] = {
            "encoders": [each.name for each in made],
            "parameters": section,
            "layout": layout_of(made),
            "pretrained": {each: how for each, how in stated.items() if isinstance(how, dict)},
            "models": {each.name: each.model() for each in made if each.model()},
        }
    preparation = Preparation(plan({name: each["layout"] for name, each in modalities.items()}))
    rows = {name: torch.from_numpy(each)[None] for name, each in tokens.items()}
    preparation.fit(rows, {name: torch.ones(each.shape[:2], dtype=torch.bool) for name, each in rows.items()})
    member = build("late-average", dimensions=preparation.dimensions, classes=len(CLASSES), config=CONFIG)
    card = ModelCard.model_validate(
        {
            "strategy": "late-average", "config": CONFIG, "epochs": 1, "seeds": [0], "left_out": [],
            "classes": CLASSES, "label_space": "two", "protocol": "two.kfold2", "corpora": ["grid"],
            "parameters": 1, "preparation": preparation.describe(), "modalities": modalities,
        }
    )  # fmt: skip
    card.write(root)
    model = EmotionModel(preparation, [member], modalities=tuple(modalities))
    save_file(model.state_dict(), root / "data" / "model" / "weights.safetensors")
    package = pack(root / "data" / "model", root / "packed", models=models)
    shutil.rmtree(root / "encoders")
    return Predictor(package.model), tokens, package


def row(film):
    return pd.DataFrame({"video": [str(film)]})


def test_a_film_is_predicted_by_what_was_packed(published, corpora):
    predictor, tokens, package = published
    found = predictor.table(row(corpora / "video" / "lbax4n.mpg")).iloc[0]
    assert found["modalities_used"] == "audio+face" and not found["unused"] and not found["notices"]
    expected = predictor.probabilities([tokens])[0]
    assert np.allclose(found[["p_anger", "p_neutral"]].astype(float), expected, atol=1e-6)
    names = {line.partition("==")[0].lower() for line in package.requirements}
    assert {"torch", "transformers", "soxr", "av", "scipy", "scikit-image"} <= names


def test_a_film_without_sound_says_what_it_was_encoded_by(published, corpora, tmp_path):
    silent = tmp_path / "silent.mp4"
    with av.open(corpora / "video" / "lbax4n.mpg") as film, av.open(silent, "w") as copy:
        stream = copy.add_stream("mpeg4", rate=25)
        shown = film.streams.video[0]
        stream.width, stream.height = shown.width, shown.height
        for frame in film.decode(shown):
            copy.mux(stream.encode(frame.reformat(format="yuv420p")))
        copy.mux(stream.encode(None))
    found = published[0].table(row(silent)).iloc[0]
    assert found["modalities_used"] == "face" and found["unused"].startswith("audio: ")
    assert (
        found["notices"] == "face/av-tiny.av.none: without sound that can be used, encoded by pictures alone"
    )


def test_an_explanation_leaves_frames_out_for_all_that_look_at_them(published, corpora):
    predictor, tokens, _ = published
    film = corpora / "video" / "lbax4n.mpg"
    found, seen = explain_row(predictor, row(film), file="film", model="models:/m/1", window_s=1.5)
    assert [each.frames for each in found.face] == [38, 38, 37], "all that lie in 1.5 s, 25 a second"
    assert any(abs(each.drop) > 1e-6 for each in found.face)
    assert len(seen.times_s) == len(seen.images) == 4, "the frames that are shown are the first encoder's"
    whole, _ = explain_row(predictor, row(film), file="film", model="models:/m/1", window_s=10.0)
    without_face = predictor.probabilities([{"audio": tokens["audio"]}])[0]
    assert whole.face[0].probability == pytest.approx(without_face[CLASSES.index(whole.label)], abs=1e-6)


def test_the_time_that_each_decoding_takes_counts(published, corpora):
    predictor, _, _ = published
    watch = Stopwatch()
    time_stages(predictor, watch)
    predictor.table(row(corpora / "video" / "lbax4n.mpg"))
    assert {"decode face", "decode audio", "fuse"} < set(watch.seconds)
    assert sum(name.startswith("encode face/") for name in watch.seconds) == 2
