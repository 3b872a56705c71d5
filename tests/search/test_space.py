"""What a search varies, as params may state it, and the names and values that it refuses."""

import pytest
import yaml
from conftest import ROOT
from emoflow import params
from emoflow.errors import ParamsError, SearchError
from emoflow.fusion.strategy import Choice, Log, Uniform
from emoflow.search.space import axes, check_architectures, check_names, configurations, repeated_seed
from hypothesis import given
from hypothesis import strategies as st

MODALITIES = ["audio", "face"]
SEARCHED = ["audio", "late-average", "bottleneck"]


def loaded(tmp_path, text: str) -> params.Params:
    held = yaml.safe_load((ROOT / "params.yaml").read_text(encoding="utf-8"))
    held["search"]["space"] = yaml.safe_load(text)
    path = tmp_path / "params.yaml"
    path.write_text(yaml.safe_dump(held), encoding="utf-8")
    return params.load(path)


def drawn(strategy: str, stated: dict, count: int = 8) -> list[dict]:
    return configurations(strategy, modalities=MODALITIES, count=count, seed=7, stated=stated)


def test_what_is_stated_takes_the_place_of_the_strategys_own(tmp_path):
    stated = loaded(
        tmp_path,
        "{learning_rate: {log: [1e-4, 1e-3]}, dropout: {uniform: [0.1, 0.2]}, mixup: [0.5], smoothing: 0.05,"
        " layers: [1], bottleneck: {width: [32], learning_rate: 2e-3}}",
    ).search.space
    space = axes("audio", modalities=MODALITIES, stated=stated)
    assert space["learning_rate"] == Log(1e-4, 1e-3)
    assert space["dropout"] == Uniform(0.1, 0.2)
    assert space["mixup"] == Choice((0.5,)) and space["smoothing"] == Choice((0.05,))
    assert axes("bottleneck", modalities=MODALITIES, stated=stated)["learning_rate"] == Choice((0.002,))
    assert {config["width"] for config in drawn("bottleneck", stated)} == {32}
    assert {config["layers"] for name in SEARCHED for config in drawn(name, stated)} == {1}


def test_stating_one_axis_leaves_the_draws_of_the_others():
    usual = drawn("bottleneck", {})
    for stated in ({"unimodal_weight": {"uniform": [0.1, 0.2]}}, {"dropout": 0.3}):
        (key,) = stated
        varied = drawn("bottleneck", stated)
        assert [c | {key: None} for c in varied] == [c | {key: None} for c in usual]


@given(low=st.floats(0.0, 0.5), width=st.floats(1e-3, 0.45), count=st.integers(1, 9))
def test_each_part_of_a_range_is_drawn_from_once(low, width, count):
    made = drawn("audio", {"dropout": {"uniform": [low, low + width]}}, count)
    parts = sorted((config["dropout"] - low) / width * count for config in made)
    assert all(i - 0.02 <= part <= i + 1.02 for i, part in enumerate(parts))


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("{dropout: []}", r"dropout is an empty list: nothing can be drawn"),
        ("{dropout: {uniform: [0.5, 0.1]}}", r"dropout is .*the lower one first"),
        ("{learning_rate: {log: [0, 0.1]}}", r"learning_rate is .*both ends are above 0"),
        ("{audio: {dropout: {uniform: [0.1]}}}", r"audio\.dropout is .*\{uniform: \[low, high\]\}"),
        ("{dropout: }", r"dropout is empty; give a value"),
    ],
)
def test_a_range_from_which_nothing_can_be_drawn_is_refused(tmp_path, text, said):
    with pytest.raises(ParamsError, match=said):
        loaded(tmp_path, text)


@pytest.mark.parametrize(
    ("stated", "said"),
    [
        ({"learning_rat": 0.1}, r"'learning_rat' is no hyper-parameter.*did you mean 'learning_rate'\?"),
        (
            {"botleneck": {"layers": [1]}},
            r"'botleneck' is none of search\.strategies; did you mean 'bottleneck'",
        ),
        ({"gated": {"layers": [1]}}, r"'gated' is none of search\.strategies"),
        ({"dropout": {"normal": [0, 1]}}, r"search\.space\.dropout is .*a range is \{uniform"),
    ],
)
def test_an_unknown_name_is_named_with_the_nearest(stated, said):
    with pytest.raises(SearchError, match=said):
        check_names(SEARCHED, MODALITIES, stated)


@pytest.mark.parametrize(
    ("stated", "said"),
    [
        ({"audio": {"heads": [2]}}, r"search\.space\.audio: audio has no 'heads'"),
        ({"dropout": 0.99}, r"search\.space\.dropout holds 0\.99; dropout is a number from 0 to 0\.95"),
        ({"dropout": {"uniform": [0.1, 2.0]}}, r"holds 2\.0; dropout is a number from 0 to 0\.95"),
        ({"audio": {"dropout": ["high"]}}, r"search\.space\.audio\.dropout holds 'high'"),
        ({"layers": [1.5]}, r"layers holds 1\.5; layers is a whole number from 1 on, as in \[1, 2\]"),
        (
            {"audio": {"width": [64, 0]}},
            r"search\.space\.audio\.width holds 0; width is a whole number from 1",
        ),
        ({"layers": {"uniform": [1, 3]}}, r"layers is of the architecture; give the values in a list"),
        ({"adversarial_steps": 1.5}, r"holds 1\.5; adversarial_steps is a whole number from 1 to 50"),
        ({"bfloat16": [0, 0.5]}, r"holds 0\.5; bfloat16 is a whole number from 0 to 1"),
        (
            {"adversarial_steps": {"uniform": [1, 3]}},
            r"adversarial_steps is shared by .* give the values in a list",
        ),
    ],
)
def test_a_value_that_cannot_be_is_refused_with_what_may(stated, said):
    with pytest.raises(SearchError, match=said):
        drawn("audio", stated)


def test_a_key_that_other_strategies_have_is_nothing_to_this_one():
    check_names(SEARCHED, MODALITIES, {"heads": [2]})
    assert "heads" not in drawn("audio", {"heads": [2]})[0]
    assert drawn("bottleneck", {"heads": [2]})[0]["heads"] == 2


@pytest.mark.parametrize(
    ("strategy", "stated", "said"),
    [
        (
            "bottleneck",
            {"heads": [4], "width": [30, 64]},
            r"cannot be of .*30.*: width 30 is not a multiple of 4",
        ),
        (
            "gradual",
            {"order": "audio+voice"},
            r"gradual cannot be of .*order is 'audio\+voice'; name each modality",
        ),
    ],
)
def test_an_architecture_that_cannot_be_built_is_refused_beforehand(strategy, stated, said):
    with pytest.raises(SearchError, match=said):
        check_architectures(strategy, modalities=MODALITIES, stated=stated)


def test_a_stated_architecture_may_be_outside_the_strategys_own_space():
    stated = {"gradual": {"order": "face+audio", "width": [24]}, "layers": 3}
    for strategy in ("gradual", "audio", "bottleneck"):
        check_architectures(strategy, modalities=MODALITIES, stated=stated)
    assert drawn("gradual", stated)[0]["order"] == "face+audio"


def test_the_first_seed_of_a_configuration_is_its_own():
    assert repeated_seed(11, 0) == 11
    assert len({repeated_seed(seed, repeat) for seed in (11, 12) for repeat in range(4)}) == 8
