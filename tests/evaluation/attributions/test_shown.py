"""What the page says and draws of attributions: areas on one scale, places in seconds, signs in words."""

import pytest
from emoflow.artifacts.reports import Attributions, Misclassified, ModalityAttributions
from emoflow.evaluation.attributions.shown import shown
from emoflow.evaluation.templates import nats


def error(
    *, duration_s: float | None = 2.0, gap: float = 0.0, **modalities: ModalityAttributions
) -> Misclassified:
    return Misclassified(
        utterance_id="lab/1",
        fold=0,
        label="fear",
        predicted="anger",
        confidence=0.9,
        probability=0.05,
        contributions={},
        recording=None,
        attributions=Attributions(
            log_probability=-0.1,
            neutral=-2.0,
            gap=gap,
            steps=32,
            modalities=modalities,
            duration_s=duration_s,
            unreadable=None if duration_s else "it has no recording",
            waveform=None,
        ),
    )


def of(*parts: float, **changes) -> ModalityAttributions:
    usual = {"total": sum(parts), "over_time": list(parts), "timed": True, "words": None, "rollout": None}
    return ModalityAttributions.model_validate(usual | changes)


def test_areas_are_values_on_one_scale():
    found = shown(error(audio=of(0.1, 0.1, 0.3, -0.5), face=of(1.0)))
    sound, face = found["tracks"]
    assert [bar["height"] for bar in sound["bars"]] == pytest.approx([0.2, 0.2, 0.6, -1.0])
    assert face["bars"][0]["height"] == pytest.approx(
        0.5
    )  # 1 over all of the clip, beside -0.5 over a quarter
    area = [sum(bar["height"] * bar["width"] for bar in track["bars"]) for track in found["tracks"]]
    assert area[1] / sum(abs(bar["height"]) * bar["width"] for bar in sound["bars"]) == pytest.approx(1.0)


def test_what_stands_out_is_told_with_its_seconds_and_its_sign():
    found = shown(error(audio=of(0.0, 0.6, 0.5, 0.0, -0.02), face=of(-0.3)))
    assert (
        found["said"]
        == "Sound 0.40–1.20 s speaks most for anger: +1.10; the face as a whole most against it: −0.30."
    )
    assert found["tracks"][0]["said"] == "sound: +1.08 for anger; of it sound 0.40–1.20 s: +1.10"
    assert found["tracks"][0]["bars"][1]["tip"] == "0.40–0.80 s: +0.600"


def test_words_have_no_seconds_and_come_last():
    held = of(0.7, timed=False, words=[("never", 0.9), ("so", -0.2)], rollout=[0.4])
    found = shown(error(text=held, audio=of(0.1, 0.1, rollout=[0.4, 0.2])))
    assert found["timed"] == 1
    assert found["said"].startswith("The word “never” speaks most for anger: +0.90")
    assert [word[0::2] for word in found["tracks"][1]["words"]] == [
        ("never", 1.0),
        ("so", pytest.approx(-2 / 9)),
    ]
    strengths = [[cell["strength"] for cell in track["flow"]] for track in found["tracks"]]
    assert strengths == [[pytest.approx(1.0), pytest.approx(0.5)], [pytest.approx(0.5)]]


def test_without_a_length_places_are_shares_and_a_rough_sum_is_told():
    found = shown(error(duration_s=None, gap=0.03, audio=of(0.0, 0.9, 0.0, 0.0)))
    assert found["said"].startswith("Sound 25–50 % of the clip") and found["rough"]
    assert not shown(error(gap=0.01, audio=of(0.2)))["rough"]


def test_a_clip_that_says_little_is_said_to():
    assert "nothing in the clip speaks clearly" in shown(error(audio=of(0.01, 0.0)))["said"].lower()
    assert shown(error()) is None
    assert nats(-0.001) == "+0.00" and nats(-0.5) == "−0.50"
