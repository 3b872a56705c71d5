"""The control corpus in every layout: what is read is what was planted, and every planted fault is reported."""

from collections import Counter
from itertools import pairwise
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from emoflow.cli import app
from emoflow.corpora import read
from emoflow.corpora.adapter_interface import utterance_table
from emoflow.corpora.media_digests import with_digests
from emoflow.corpora.planted_truth import planted_ceilings
from emoflow.errors import CorpusError
from emoflow.files import tree_digest
from emoflow.schema import EMOTION7, EMOTIONS, LAYOUTS, MODALITIES, Layout, file_of
from emoflow.synthesis import (
    bayes_ceilings,
    control_corpus,
    display_sampling,
    face_drawing,
    prosody,
    sentences,
    truth,
)
from emoflow.synthesis.espeak import longest
from emoflow.synthesis.layouts import layout_spec
from emoflow.synthesis.layouts.plan import LayoutSpec, Plan, Recording
from emoflow.synthesis.rendering import Studio
from emoflow.synthesis.utterance_sampling import make, planted
from emoflow.validation import facts as media
from hypothesis import given, settings
from hypothesis import strategies as st
from laid_out import lay_out, takes
from typer.testing import CliRunner

ANY = LayoutSpec(labels=EMOTION7, modalities=MODALITIES, plan=None)
PAIRS = LayoutSpec(labels=EMOTION7, modalities=MODALITIES, plan=None, dialogues=True)
FIXED = LayoutSpec(labels=EMOTIONS[:8], modalities=MODALITIES, plan=None, sentences={"en": ("One.", "Two.")})
TRUTHS = {
    "usual": {},
    "raters": {"raters": 3, "agreement": 0.6},
    "missing": {"missing": 0.3},
    "interacting": {"relation": "interacting"},
}


def planned(layout: str, *, speakers: int = 4, clips: int = 3, clean: bool = False, **truth_) -> Plan:
    wanted = layout_spec(layout)
    return wanted.plan(takes(speakers, clips, wanted, **truth_), layout, 7, clean)


def read_as(layout: str, root: Path, language: str | None = None):
    return read(root.name, root, Layout(layout=layout, language=language))


def truths_in_layouts() -> list[tuple[str, str]]:
    """Every truth in every layout, but displays that interact where one modality alone tells anything."""
    alone = {layout for layout in LAYOUTS if len(planted(layout_spec(layout)).telling) < 2}
    return [
        (asked, layout)
        for asked in TRUTHS
        for layout in LAYOUTS
        if asked != "interacting" or layout not in alone
    ]


@pytest.mark.parametrize(("asked", "layout"), truths_in_layouts())
def test_what_is_read_is_what_was_planted(asked, layout, tmp_path):
    plan = planned(layout, **TRUTHS[asked])
    reading = read_as(layout, lay_out(plan, tmp_path / layout))
    pd.testing.assert_frame_equal(reading.table, utterance_table(plan.rows))
    named = Counter(each["path"] for each in reading.unread)
    unseen = [each for each in plan.irregularities if each.seen_by == "adapter" and not named[each.path]]
    assert unseen == []


@pytest.mark.parametrize("layout", LAYOUTS)
def test_a_clean_one_has_no_faults_and_the_same_utterances(layout, tmp_path):
    clean, faulty = planned(layout, clean=True), planned(layout)
    assert clean.irregularities == []
    reading = read_as(layout, lay_out(clean, tmp_path / layout))
    pd.testing.assert_frame_equal(reading.table, utterance_table(clean.rows))
    assert not {each["path"] for each in reading.unread} & {each.path for each in faulty.irregularities}
    assert clean.ids == faulty.ids
    assert set(clean.documents) | set(clean.recordings) != set()


@pytest.mark.parametrize("layout", LAYOUTS)
def test_truth_is_known_of_every_labelled_utterance(layout):
    wanted, made = layout_spec(layout), takes(4, 3, layout_spec(layout), raters=3, agreement=0.6)
    plan = wanted.plan(made, layout, 7, False)
    labels = {plan.ids[take.number]: take.label for take in made if take.number in plan.ids}
    for row in plan.rows:
        if row.get("label") is not None:
            assert labels[row["utterance_id"]] == row["label"]
    assert set(labels) == {row["utterance_id"] for row in plan.rows}


def test_truth_of_a_part_of_a_corpus(tmp_path):
    """An adapter may read a part of what was made: a half-copied corpus, or labels that are not given."""
    wanted = layout_spec("iemocap")
    held = planted(wanted, raters=3, agreement=0.5)
    made = make(wanted, held, speakers=4, clips=2, seed=3)
    plan = wanted.plan(made, "mine", 3, True)
    root = tmp_path / "mine"
    control_corpus.write_truth(
        root, control_corpus.displays(plan, made, held, "mine"), held, plan, {"version": 1}
    )
    table = utterance_table(plan.rows)
    part = table[table["session"] == "mine/Ses01"]
    ceilings, oracle = planted_ceilings(root, part)
    known = part.loc[part["label"].notna(), "utterance_id"]
    assert 0 < len(known) < len(part)
    assert set(oracle["utterance_id"]) == set(known)
    assert ceilings["population"] == bayes_ceilings.population(held)
    assert ceilings["truth"]["raters"] == 3
    perceived = planted_ceilings(root, part, Layout(raters="C-E"))[0]
    assert perceived == {"truth": {}, "population": {}, "oracle": {}}
    wrong = part.assign(label="fear")
    with pytest.raises(CorpusError, match="make the corpus again"):
        planted_ceilings(root, wrong)
    (root / "truth/oracle.parquet").unlink()
    with pytest.raises(CorpusError, match=r"no oracle\.parquet.*make the corpus again"):
        planted_ceilings(root, part)


@given(
    wanted=st.sampled_from([ANY, PAIRS, FIXED]),
    pairs=st.integers(1, 2),
    clips=st.integers(1, 5),
    seed=st.integers(0, 2**40),
    language=st.sampled_from([None, "en"]),
    asked=st.fixed_dictionaries(
        {},
        optional={
            "raters": st.integers(0, 5),
            "missing": st.floats(0, 0.7),
            "relation": st.sampled_from(truth.RELATIONS),
        },
    ),
)
@settings(max_examples=20, deadline=None)
def test_takes_are_drawn_from_their_seed(wanted, pairs, clips, seed, language, asked):
    held = planted(wanted, **asked)
    made = make(wanted, held, speakers=2 * pairs, clips=clips, seed=seed, language=language)
    assert made == make(wanted, held, speakers=2 * pairs, clips=clips, seed=seed, language=language)
    more = make(wanted, held, speakers=2 * pairs + 2, clips=clips, seed=seed, language=language)
    assert more[: len(made)] == made
    assert len(made) == 2 * pairs * clips * len(held.classes)
    each = Counter((take.speaker, take.emotion) for take in made)
    assert set(each.values()) == {clips}
    for take in made:
        assert take.displays and set(take.displays) <= set(held.telling)
        assert (take.text is None) == ("text" in held.telling and "text" not in take.displays)
        assert len(take.raters) == held.raters
        votes = [vote for (vote,) in take.raters.values()]
        assert take.label == (display_sampling.consensus(votes) if votes else take.emotion)
        dimensions = np.array([take.valence, take.arousal, take.dominance])
        assert (np.abs(dimensions) <= 1).all() and (4 * dimensions == np.round(4 * dimensions)).all()
        assert (take.dialogue is None) == (take.turn is None) == (not wanted.dialogues)


def test_turns_alternate_in_dialogues_that_are_numbered_through():
    made = takes(4, 3, PAIRS)
    table = pd.DataFrame([(t.dialogue, t.turn, t.speaker, t.session) for t in made], columns=list("dtsn"))
    assert sorted(set(table["d"])) == list(range(table["d"].max() + 1))
    for _, dialogue in table.groupby("d"):
        assert list(dialogue["t"]) == list(range(len(dialogue))) and len(dialogue) <= 8
        assert dialogue["n"].nunique() == 1 and (dialogue["s"] // 2).nunique() == 1
        assert (dialogue["s"].diff().dropna().abs() == 1).all()


def test_fixed_sentences_tell_nothing_and_are_said_by_turns():
    made = takes(2, 4, FIXED)
    said = {}
    for take in made:
        said.setdefault((take.speaker, take.emotion), []).append((take.text, take.intensity))
    in_turn = [("One.", "normal"), ("Two.", "normal"), ("One.", "strong"), ("Two.", "strong")]
    for (_, emotion), each in said.items():
        assert each == ([(text, "normal") for text, _ in in_turn] if emotion == "neutral" else in_turn)
    assert bayes_ceilings.population(planted(FIXED))["text"] == pytest.approx(1 / 8)
    with pytest.raises(CorpusError, match="everybody says the same sentences"):
        planted(FIXED, reliability={"text": 0.9})


def test_acted_labels_are_not_the_raters():
    acted = LayoutSpec(labels=EMOTION7, modalities=MODALITIES, plan=None, acted=True)
    made = takes(2, 3, acted, raters=3, agreement=0.3)
    assert all(take.label == take.emotion for take in made)
    assert any(
        display_sampling.consensus([vote for (vote,) in take.raters.values()]) != take.label for take in made
    )
    held = planted(acted, raters=3, agreement=0.3)
    assert bayes_ceilings.population(held) == bayes_ceilings.population(planted(acted))


@pytest.mark.parametrize(
    ("wanted", "asked", "said"),
    [
        (PAIRS, {"speakers": 3}, "talk in pairs: give 4 speakers"),
        (layout_spec("emodb"), {"speakers": 11}, "room for 10"),
        (layout_spec("ravdess"), {"clips": 9}, "room for 8"),
        (layout_spec("ravdess"), {"language": "fi"}, "can be in en"),
    ],
)
def test_what_a_layout_has_no_room_for(wanted, asked, said):
    with pytest.raises(CorpusError, match=said):
        takes(**{"speakers": 2, "clips": 1, "spec": wanted} | asked)


@pytest.mark.parametrize("language", sentences.LANGUAGES)
def test_no_sentence_lasts_longer_than_it_is_said_to(language):
    generator = np.random.default_rng(5)
    for number in range(16):
        emotion = ("boredom", "sadness", "disgust", "calm")[number % 4]  # the slow ones
        voice = prosody.timbre(number, ("female", "male")[number % 2], generator)
        said = sentences.compose(emotion, generator, language).spoken if number % 5 else "No."
        sound = prosody.speak(said, emotion, voice, generator, language)
        assert 0.3 < len(sound) / prosody.RATE < longest(said)


def test_finnish_is_not_said_as_if_it_were_english():
    voice = prosody.timbre(0, "female", np.random.default_rng(0))
    said = [
        prosody.speak("Naapuri siirsi pöydän eilen.", "neutral", voice, np.random.default_rng(1), language)
        for language in ("fi", "en", "de")
    ]
    assert len({len(sound) for sound in said}) == 3


@pytest.mark.parametrize("snr", [0, 10, 20])
def test_noise_is_as_loud_as_asked_for(snr):
    voice = prosody.timbre(0, "male", np.random.default_rng(0))
    sound = prosody.speak("My brother read the letter.", "neutral", voice, np.random.default_rng(1))
    noisy = prosody.noisy(sound, snr, np.random.default_rng(2))
    parts = np.array_split(sound.astype(float), len(sound) // 800)  # 50 ms; pauses are not speech
    powers = np.array([np.mean(part**2) for part in parts])
    speech = powers[powers > powers.max() / 300].mean()
    assert 10 * np.log10(speech / np.mean((noisy - sound) ** 2)) == pytest.approx(snr, abs=1.5)
    spectrum = np.abs(np.fft.rfft(noisy - sound)) ** 2
    octaves = [
        spectrum[len(sound) * f // 16000 : len(sound) * 2 * f // 16000].sum() for f in (250, 500, 1000)
    ]
    assert max(octaves) < 2 * min(octaves), "pink noise has as much in each octave"


def studio(snr: float | None = None) -> Studio:
    made = takes(2, 1, PAIRS)
    return Studio({take.number: take for take in made}, 7, snr)


def decoded(path: Path) -> tuple[list[np.ndarray], float, list]:
    import av

    with av.open(str(path)) as container:
        kinds = [stream.type for stream in container.streams]
        frames, fps = [], 0.0
        if "video" in kinds:
            fps = float(container.streams.video[0].average_rate)
            frames = [frame.to_ndarray(format="rgb24") for frame in container.decode(video=0)]
    return frames, fps, kinds


def test_who_speaks_moves_in_their_half_and_the_other_keeps_still(tmp_path):
    both = Recording(
        ((0, 0.4), (1, 5.0)), seconds=10.0, picture=True, split={0: "left", 1: "right"}, fps=12.5
    )
    studio().record(tmp_path, {"film.avi": both, "sound.wav": Recording(both.takes, seconds=10.0)})
    frames, fps, kinds = decoded(tmp_path / "film.avi")
    assert sorted(kinds) == ["audio", "video"] and fps == 12.5 and len(frames) == 125
    assert frames[0].shape == (face_drawing.SIZE, 2 * face_drawing.SIZE, 3)
    moved = np.array(
        [
            [np.abs(a[:, side].astype(int) - b[:, side]).mean() for side in (slice(0, 192), slice(192, 384))]
            for a, b in pairwise(frames)
        ]
    )
    first, second = moved[5:25], moved[63:83]
    assert first[:, 0].mean() > 5 * first[:, 1].mean()
    assert second[:, 1].mean() > 5 * second[:, 0].mean()

    import soundfile

    heard, rate = soundfile.read(tmp_path / "sound.wav")
    assert len(heard) == 10 * rate
    alone = studio().sound(studio().takes[0])
    begin = round(0.4 * rate)
    assert np.abs(heard[begin : begin + len(alone)] - alone).max() < 1e-4
    assert np.abs(heard[:begin]).max() < 0.005


@pytest.mark.parametrize("suffix", [".wav", ".flac", ".mp4", ".avi", ".flv"])
def test_every_container_is_as_described_and_the_same_bytes_again(suffix, tmp_path):
    film = suffix not in (".wav", ".flac")
    asked = Recording(((0, 0.0),), picture=film, rate=44100, channels=2, fps=29.97, cut_s=1.0)
    for folder in ("one", "two"):
        studio().record(tmp_path / folder, {f"clip{suffix}": asked})
    assert tree_digest([tmp_path / "one" / f"clip{suffix}"]) == tree_digest(
        [tmp_path / "two" / f"clip{suffix}"]
    )
    from emoflow.media import audio_facts

    found = audio_facts(tmp_path / "one" / f"clip{suffix}")
    assert (found.rate, found.channels) == (44100, 2)
    assert found.duration_s == pytest.approx(1.0, abs=0.1)
    frames, fps, _ = decoded(tmp_path / "one" / f"clip{suffix}") if film else ([], 29.97, [])
    assert fps == pytest.approx(29.97, abs=0.01)
    assert len(frames) == pytest.approx(30 if film else 0, abs=2)


def test_a_recording_may_lack_sound_or_end_early(tmp_path):
    studio().record(
        tmp_path,
        {
            "silent.mp4": Recording(((0, 0.0),), sound=False, picture=True),
            "dark.mp4": Recording(((0, 0.0),)),
            "short.wav": Recording(((0, 0.0),), cut_s=0.25),
            "short.mp4": Recording(((0, 0.0),), picture=True, cut_s=0.2),
        },
    )
    assert decoded(tmp_path / "silent.mp4")[2] == ["video"]
    assert decoded(tmp_path / "dark.mp4")[2] == ["audio"]
    assert len(decoded(tmp_path / "short.mp4")[0]) == 5
    import soundfile

    assert soundfile.info(tmp_path / "short.wav").frames == 4000


def test_a_take_that_does_not_fit_is_an_error(tmp_path):
    with pytest.raises(CorpusError, match="take 0 lasts"):
        studio().record(tmp_path, {"a.wav": Recording(((0, 0.0), (1, 0.3)), seconds=6.0)})
    assert list(tmp_path.iterdir()) == []


def test_noise_is_heard_and_changes_no_picture(tmp_path):
    asked = {"a.wav": Recording(((0, 0.0),)), "a.mp4": Recording(((0, 0.0),), sound=False, picture=True)}
    studio().record(tmp_path / "still", asked)
    studio(snr=5).record(tmp_path / "noisy", asked)
    assert tree_digest([tmp_path / "still/a.mp4"]) == tree_digest([tmp_path / "noisy/a.mp4"])
    assert tree_digest([tmp_path / "still/a.wav"]) != tree_digest([tmp_path / "noisy/a.wav"])


def synthesise(*arguments: str):
    return CliRunner().invoke(app, ["corpora", "synthesise", *arguments])


def test_the_command_says_what_it_needs(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for arguments, said in (
        (["--layout", "iemocap"], "say where by --out"),
        (["--reliability", "audio", "--out", "x"], "give MODALITY=SHARE"),
        (["--layout", "friends", "--out", "x"], "it must be one of control, iemocap"),
        (["ravdess"], "'control' can"),
    ):
        result = synthesise(*arguments)
        assert isinstance(result.exception, CorpusError) and said in str(result.exception)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.slow
@pytest.mark.timeout(300)
@pytest.mark.parametrize("layout", LAYOUTS)
def test_every_layout_with_its_media(layout, tmp_path):
    """What is decoded is what was planned; what a fault has spoilt is found."""
    root = tmp_path / layout
    language = layout_spec(layout).languages[-1]
    result = synthesise(
        "--layout", layout, "--out", str(root), "--speakers", "2", "--clips", "1", "--language", language
    )
    assert result.exception is None, result.output
    wanted = layout_spec(layout)
    plan = wanted.plan(takes(2, 1, wanted, language=language), layout, 7, False)
    reading = read_as(layout, root, language)
    pd.testing.assert_frame_equal(reading.table, utterance_table(plan.rows))
    assert {(root / path).is_file() for path in [*plan.recordings, *plan.documents]} == {True}

    table = with_digests(reading.table, root, workers=1)
    seen = media.gather(table, root, workers=1)
    spoilt = {each.path for each in plan.irregularities if each.seen_by == "validation"}
    reasons = seen[["audio_reason", "face_reason"]].notna().any(axis=1)
    files = pd.DataFrame({m: seen[m].map(file_of, na_action="ignore") for m in ("audio", "video")})
    touched = files.isin(spoilt).any(axis=1)
    silent = seen["audio"].isna() & seen["video"].isna()
    assert not (reasons & ~touched & ~silent).any(), seen[reasons & ~touched]
    twice = seen["audio_digest"].duplicated(keep=False) & seen["audio_digest"].notna()
    odd = reasons | (seen["channels"] > 1) | twice
    for path in spoilt:
        assert odd[files.isin([path]).any(axis=1)].any(), path

    ceilings, oracle = planted_ceilings(root, reading.table)
    answered = reading.table["label"].notna().sum() or len(reading.table)  # without labels: of all
    assert len(oracle) == answered * len(bayes_ceilings.subsets(planted(wanted).modalities))
    assert ceilings["population"] == bayes_ceilings.population(planted(wanted))
