"""The card of a registered version says what it is of, for what it may be used, and what is not known."""

import documents
import pytest
from emoflow.artifacts.model import EncoderModel, Modality
from emoflow.registry.model_card import model_card

INTERVAL = {"mean": 0.6, "low": 0.5, "high": 0.7}


def card(*, modalities=None, corpora=("control",), **changes) -> str:
    model = documents.card(classes=["anger", "neutral"], modalities=modalities or {}, corpora=list(corpora))
    return model_card(documents.metrics(**changes), model, headline="**UA 60.0 %**")


def section(text: str, title: str) -> str:
    (found,) = [part for part in text.split("\n## ") if part.startswith(title)]
    return found


def test_it_says_for_what_it_may_be_used_and_what_was_measured():
    text = card(strategies={"audio": documents.figures(), "chosen": documents.figures(0.5)})
    assert text.startswith("**UA 60.0 %**\n\n## Intended use")
    assert "work or in education" in section(text, "Intended use") and "2024/1689" in text
    assert "the synthetic control corpus (no real speech): anger, neutral" in section(text, "Data")
    assert "9 utterances of 3 speakers in 3 folds" in text
    rows = section(text, "Results").splitlines()
    assert rows[-2] == "| each fold's own choice, nested | " + " | ".join(["50.0 (40.0–60.0)"] * 3) + " |"
    assert rows[-1] == "| audio, registered | " + " | ".join(["60.0 (50.0–70.0)"] * 3) + " |"


def test_what_each_modality_contributes_is_said_of_a_fusion():
    share = {"mean": 0.2, "low": 0.1, "high": 0.3}
    held = {
        "subsets": {},
        "guessed": {},
        "shapley": {"audio": share, "face": share | {"low": None, "high": None}},
    }
    text = card(contributions={"audio": held | {"interactions": {}}})
    line = section(text, "Results").splitlines()[-1]
    assert line.endswith("(Shapley values): audio +20.0 (+10.0 to +30.0); face +20.0.")
    assert "Shapley" not in card()


def test_what_forbids_to_trust_it_stands_under_limits():
    alarm = {"alarm": "inflated", "strategy": None, "message": "its speakers also train"}
    waived = {"kind": "episode", "reason": "one studio for all", "count": 2}
    figures = documents.figures(recall={"anger": 0.4, "neutral": 0.8, "fear": None})
    text = card(inflated="the test chose", alarms=[alarm], waived=[waived], strategies={"audio": figures})
    limits = section(text, "Limits")
    for said in (
        "inflated: the test chose",
        "Alarm: its speakers",
        "(episode): one studio",
        "anger, of which 40 %",
    ):
        assert said in limits


def test_losses_on_worse_recordings_are_limits():
    limits = section(card(), "Limits")
    assert "What other recordings" in limits and "lost to" not in limits
    level = {"level": 10.0, "ua": INTERVAL, "loss": {"mean": 0.1, "low": 0.05, "high": 0.15}, "unusable": 0}
    level |= {"shapley": {}, "word_error_rate": None}
    noise = {"modality": "audio", "changes": ["audio"], "unit": "dB SNR"}
    noise |= {"levels": [level], "mean_loss": INTERVAL}
    held = {"utterances": 9, "speakers": 3, "clean": INTERVAL, "conditions": {"noise": noise}}
    limits = section(
        card(robustness=held | {"without": {}, "left_out": {}, "shapley": {}, "word_reference": None}),
        "Limits",
    )
    assert "Points of UA lost to noise, by dB SNR: 10: +10.0 (+5.0 to +15.0)." in limits
    assert "What further recordings" in limits


@pytest.mark.parametrize("few", [False, True])
def test_groups_are_compared_or_said_not_to_be(few):
    assert "Differences between people were not tested" in section(card(), "Groups")
    group = {"utterances": 60, "speakers": 3 if few else 6, "few": few, "ua": INTERVAL, "wa": INTERVAL}
    difference = {"mean": 0.081, "low": -0.01, "high": 0.17}
    gap = None if few else {"best": "female", "worst": "male", "difference": difference}
    held = {"attribute": "gender", "groups": {"female": group, "male": group}, "unknown": 0, "gap": gap}
    groups = section(card(slices=[held]), "Groups")
    assert ("female − male: +8.1 (−1.0 to +17.0) points" in groups) is not few
    assert ("of few speakers" in groups and "Not compared" in groups) is few


def test_licences_of_the_encoders_are_named_and_unknown_ones_too():
    known = EncoderModel(sha256="0" * 64, licence="MIT", pretrained_on=["LibriSpeech"])
    models = {
        "whisper.mean": known,
        "tiny.mean": known.model_copy(update={"licence": None, "pretrained_on": []}),
    }
    audio = Modality(encoders=list(models), parameters={}, layout=[], models=models)
    licences = section(card(modalities={"audio": audio}), "Licences")
    assert "- whisper.mean: MIT; pre-trained on LibriSpeech." in licences
    assert "- tiny.mean: licence unknown." in licences
