"""When each phone is said: the truth of a control corpus that clusters of frames are held against."""

import numpy as np
import pandas as pd
import pytest
from emoflow.corpora.planted_truth import planted_phones
from emoflow.synthesis import control_corpus, espeak, prosody


def test_phones_follow_one_another_within_the_sound():
    sound, _, phones = espeak.say_with_phones("She sells six shells.", espeak.Voice("en+f2"), seed=5)
    names = [phone.name.lstrip(prosody.STRESS) for phone in phones]
    assert names[:3] == ["S", "i:", "s"] and names.count("s") >= 3 and names.count("S") == 2
    begins = [phone.begin for phone in phones]
    assert begins == sorted(begins) and begins[0] >= 0 and begins[-1] < len(sound)


@pytest.mark.parametrize("emotion", ["neutral", "surprise"])  # whose pitch glides, and time with it
def test_the_sound_hisses_where_it_is_said_to(emotion):
    voice = prosody.timbre(1, "female", np.random.default_rng(4))
    said = prosody.speech("The bosses saw a massive bus.", emotion, voice, np.random.default_rng(2))
    np.testing.assert_array_equal(
        said.sound,
        prosody.speak("The bosses saw a massive bus.", emotion, voice, np.random.default_rng(2)),
    )

    def hiss(begin: float, end: float) -> float:
        part = said.sound[int(begin * prosody.RATE) : int(end * prosody.RATE)]
        power = np.abs(np.fft.rfft(part)) ** 2
        return float(power[len(power) // 2 :].sum() / power.sum())

    hissing = [hiss(begin, end) for name, begin, end in said.phones if name == "s"]
    vowels = [hiss(begin, end) for name, begin, end in said.phones if name[0] in "aeiouAEIOUV@03"]
    assert len(hissing) >= 4 and len(vowels) >= 5
    assert min(hissing) > 10 * max(vowels)


def test_a_corpus_has_its_phones_where_they_are_asked_for(tmp_path):
    asked = {"speakers": 2, "clips": 1, "reliability": {"audio": 0.9}, "missing": 0.0, "workers": 1}
    with pytest.MonkeyPatch.context() as patch:  # no recordings: they are the same with and without
        patch.setattr(control_corpus, "_record", lambda *_: None)
        control_corpus.synthesise(tmp_path / "control", phones=True, **asked)
        control_corpus.synthesise(tmp_path / "without", **asked)
    table = planted_phones(tmp_path / "control", "control")
    displays = pd.read_parquet(tmp_path / "control" / "truth" / "displays.parquet")
    assert set(table["utterance_id"]) == {f"control/{each}" for each in displays["id"]}
    assert (table["begin_s"] < table["end_s"]).all() and (table["begin_s"] >= 0.1).all()
    assert planted_phones(tmp_path / "without", "without") is None
