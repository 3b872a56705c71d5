"""Challenger against champion: how often equally good models pass, how little in common is too little."""

import numpy as np
import pandas as pd
import pytest
from emoflow import params
from emoflow.errors import ParamsError
from emoflow.registry.compare import Policy, paired

POLICY = Policy(margin=0.02, least_utterances=50, least_speakers=4, least_overlap=0.5)
CLASSES, PER_CLASS = 7, 4


def drawn(generator, *, speakers: int, shift: float = 0.0):
    """Two models' predictions on the same clips: each is right in 60 % of a speaker's, give or take the speaker.

    ``shift`` is added to the first one's expected UA.
    """
    clips = CLASSES * PER_CLASS
    speaker = np.repeat(np.arange(speakers), clips)
    label = np.tile(np.repeat(np.arange(CLASSES), PER_CLASS), speakers)
    difficulty = 0.6 + generator.normal(0, 0.1, speakers)
    ids = [f"control/{number}" for number in range(len(label))]

    def predictions(ability):
        right = generator.random(len(label)) < (ability + generator.normal(0, 0.05, speakers))[speaker]
        predicted = np.where(right, label, (label + 1) % CLASSES)
        return pd.DataFrame({"label": label.astype(str), "predicted": predicted.astype(str)}, index=ids)

    named = {each: f"control/{who}" for each, who in zip(ids, speaker, strict=True)}
    return predictions(difficulty + shift), predictions(difficulty), named


@pytest.mark.slow
@pytest.mark.parametrize("speakers", [4, 12])
def test_the_interval_covers_and_a_loss_of_the_margin_seldom_passes(speakers):
    generator = np.random.default_rng(11)
    covered = passed = 0
    for _ in range(300):
        challenger, champion, who = drawn(generator, speakers=speakers)
        same = paired(challenger, champion, speakers=who)
        covered += same.low <= 0 <= same.high
        challenger, champion, who = drawn(generator, speakers=speakers, shift=-POLICY.margin)
        passed += paired(challenger, champion, speakers=who).passes(POLICY)
    assert 0.92 <= covered / 300 <= 0.98
    assert passed / 300 <= 0.05  # 2.5 % by construction


def test_a_clearly_better_challenger_passes_and_a_clearly_worse_one_does_not():
    generator = np.random.default_rng(12)
    challenger, champion, who = drawn(generator, speakers=24, shift=0.1)
    found = paired(challenger, champion, speakers=who)
    assert found.passes(POLICY)
    assert found.difference == pytest.approx(found.challenger - found.champion)
    assert not paired(champion, challenger, speakers=who).passes(POLICY)


def test_a_better_answer_to_one_common_utterance_is_not_enough():
    label = pd.DataFrame({"label": ["anger"], "predicted": ["anger"]}, index=["control/0"])
    wrong = label.assign(predicted="fear")
    found = paired(label, wrong, speakers={"control/0": "control/a"})
    assert (found.difference, found.low) == (1.0, None)
    assert not found.passes(POLICY)
    assert [each.split(" (")[0] for each in found.lacking(POLICY)] == [
        "1 common utterances",
        "1 common speakers",
    ]


def test_what_is_common_must_be_enough_of_what_the_champion_was_tested_on():
    challenger, champion, who = drawn(np.random.default_rng(13), speakers=24, shift=0.2)
    part = challenger.iloc[: len(challenger) * 2 // 5]
    found = paired(part, champion, speakers=who)
    assert found.overlap == pytest.approx(0.4, abs=0.01)
    assert found.low > -POLICY.margin
    assert not found.passes(POLICY)
    assert "40 % of the champion's held-out utterances (at least 50 %)" in found.lacking(POLICY)[0]
    assert paired(challenger, champion.iloc[: len(part)], speakers=who).overlap == 1.0


def test_uneven_classes_weigh_the_same():
    index = [f"c/{number}" for number in range(10)]
    label = ["anger"] * 8 + ["fear"] * 2
    challenger = pd.DataFrame({"label": label, "predicted": label}, index=index)
    champion = challenger.assign(predicted="anger")
    found = paired(challenger, champion, speakers={each: f"s{each[-1]}" for each in index})
    assert (found.challenger, found.champion) == (1.0, 0.5)
    assert not paired(challenger, champion.set_axis([f"d/{n}" for n in range(10)]), speakers={})


def test_an_utterance_of_an_unknown_speaker_is_a_group_of_its_own():
    challenger, champion, who = drawn(np.random.default_rng(14), speakers=4)
    found = paired(challenger, champion, speakers=dict.fromkeys(who))
    assert found.speakers == found.unnamed == len(who)


@pytest.mark.parametrize(
    ("stated", "message"),
    [
        ("margin: 2", "registry.margin is 2"),
        ("margin: -0.1", "registry.margin is -0.1"),
        ("least_speakers: 1", "registry.least_speakers is 1"),
        ("least_overlap: 0", "registry.least_overlap is 0"),
        ("least_utterances: many", "registry.least_utterances is 'many'"),
        ("last_speakers: 4", "did you mean 'registry.least_speakers'"),
    ],
)
def test_params_state_the_policy_and_errors_name_the_key(tmp_path, stated, message):
    text = params.PATH.read_text()
    assert Policy.of(params.load().registry) == POLICY
    lines = [line for line in text.splitlines() if not line.strip().startswith(stated.split(":")[0])]
    (tmp_path / "params.yaml").write_text("\n".join([*lines, f"  {stated}"]))
    with pytest.raises(ParamsError, match=message):
        params.load(tmp_path / "params.yaml")
