"""Classes that nobody showed, recognised by their prompts: where words carry them over, and what is asked for."""

from pathlib import Path

import documents
import numpy as np
import pandas as pd
import pytest
import torch
import yaml
from emoflow.artifacts.folds import Folds
from emoflow.artifacts.model import ModelCard
from emoflow.artifacts.robustness import PERTURBED
from emoflow.encoders import FeatureStore, encode, make
from emoflow.errors import SearchError
from emoflow.fusion.model import EmotionModel, members_state
from emoflow.fusion.preparation import Preparation, plan
from emoflow.fusion.prompts import encoded_size, prompt_logits
from emoflow.fusion.strategy import build
from emoflow.stages import robustness, search, train
from emoflow.training import zero_shot
from emoflow.training.data import Rows
from emoflow.training.population import Member, Population
from planted_experiment import CLASSES, lay_out
from safetensors.torch import load_file

CONFIG = {"width": 32, "layers": 1, "learning_rate": 5e-3, "weight_decay": 1e-3, "align_weight": 1.0}
ATTRIBUTES = torch.tensor(
    [[a, b] for a in (-1.0, 0.0, 1.0) for b in (-1.0, 1.0)]
)  # a class: one pair of them
UNSEEN = (3,)
SIZES = {"audio": 12, "text": 10}


def clips(count: int, classes: list[int], *, seed: int) -> Rows:
    """Sound and words that both show a class's attributes, each in its own way."""
    generator = torch.Generator().manual_seed(seed)
    ways = torch.Generator().manual_seed(99)
    target = torch.tensor(classes)[torch.randint(len(classes), (count,), generator=generator)]
    tokens = {}
    for name, size in SIZES.items():
        way = torch.randn(2, size, generator=ways)
        shown = ATTRIBUTES[target] @ way + 0.3 * torch.randn(count, size, generator=generator)
        tokens[name] = shown.unsqueeze(1)
    return Rows(tokens, {name: torch.ones(count, 1, dtype=torch.bool) for name in tokens}, target)


def prompts() -> zero_shot.Prompts:
    """Each class's attributes in words, said twice."""
    ways = torch.Generator().manual_seed(99)
    way = {name: torch.randn(2, size, generator=ways) for name, size in SIZES.items()}["text"]
    of = tuple(range(len(ATTRIBUTES))) * 2
    tokens = (ATTRIBUTES @ way).repeat(2, 1).unsqueeze(1).numpy()
    return zero_shot.Prompts(tokens, np.ones((len(of), 1), dtype=bool), of)


def trained(strategy: str, seen: list[int], **config) -> tuple[Population, Preparation, zero_shot.Places]:
    rows = clips(400, seen, seed=1)
    preparation = Preparation(plan({name: [("own", size)] for name, size in SIZES.items()}))
    preparation.fit(rows.tokens, rows.present)
    rows = Rows(preparation(rows.tokens, rows.present), rows.present, rows.target)
    members = [Member(CONFIG | config, seed) for seed in (0, 1)]
    population = Population(strategy, members, dimensions=SIZES, classes=len(ATTRIBUTES))
    population.fit(rows, epochs=12)
    return population, preparation, zero_shot.places(population, prompts(), preparation, rows)


@pytest.mark.slow
@pytest.mark.parametrize("strategy", ["late-average", "intermediate-concatenation"])
def test_what_words_tell_carries_over_to_a_class_that_nobody_showed(strategy):
    population, preparation, places = trained(strategy, [c for c in range(6) if c not in UNSEEN])
    test = clips(300, list(range(6)), seed=2)
    raw, test = test, Rows(preparation(test.tokens, test.present), test.present, test.target)
    held = zero_shot.probabilities(population, test, places)
    assert held.shape == (2, 300, 6) and torch.allclose(held.sum(-1), torch.ones(2, 300, dtype=torch.float64))
    right = held.mean(0).argmax(-1) == test.target
    unseen = torch.isin(test.target, torch.tensor(UNSEEN))
    assert right[unseen].float().mean() > 0.6  # chance: 1 in 6
    assert right[~unseen].float().mean() > 0.6
    own = population.evaluate(test).argmax(-1) == test.target
    assert not own[:, unseen].any()  # no classifier says what it was never taught

    # The packaged model says the same of raw features, of any subset of them.
    state = members_state(population.state(), 2) | {"prompts": places.prompts, "usual_words": places.usual}
    state |= {f"preparation.{name}": x for name, x in preparation.state_dict().items()}
    model = EmotionModel.empty(
        strategy, CONFIG, members=2, classes=6, by_prompts=True,
        preparation=Preparation.from_description(preparation.describe()),
    )  # fmt: skip
    model.load_state_dict(state)
    torch.testing.assert_close(model(raw.tokens, raw.present).double(), held.mean(0), atol=1e-5, rtol=0)
    for name in raw.tokens:  # each half alone tells an unseen class, too
        alone = {name: raw.tokens[name]}, {name: raw.present[name]}
        assert (model(*alone).argmax(-1) == test.target)[unseen].float().mean() > 0.6


def test_without_alignment_nothing_carries_over():
    population, preparation, places = trained(
        "late-average", [c for c in range(6) if c not in UNSEEN], align_weight=0.0
    )
    test = clips(300, list(UNSEEN), seed=2).of(["audio"])
    test = Rows(preparation(test.tokens, test.present), test.present, test.target)
    right = zero_shot.probabilities(population, test, places).mean(0).argmax(-1) == test.target
    assert right.float().mean() < 0.5


def test_words_are_half_of_the_score_and_the_whole_where_nothing_else_is_there():
    towards = torch.eye(2)
    embeddings = {
        "audio": towards[[0, 0, 0, 0]],
        "face": towards[[0, 1, 0, 0]],
        "text": towards[[1, 1, 1, 1]],
    }
    there = torch.tensor([True, True, False, True]).unsqueeze(1)
    said = torch.tensor([True, True, True, False]).unsqueeze(1)
    present = {"audio": there, "face": there, "text": said}
    logits = prompt_logits(embeddings, present, towards, torch.zeros(2))
    expected = torch.tensor([[5.0, 5.0], [2.5, 7.5], [0.0, 10.0], [10.0, 0.0]])
    torch.testing.assert_close(logits, expected)
    nothing = {name: torch.zeros_like(mask) for name, mask in present.items()}
    assert (prompt_logits(embeddings, nothing, towards, torch.zeros(2)) == 0).all()


def test_a_sentence_that_all_clips_say_tells_nothing():
    sound = torch.tensor([[1.0, 0.0], [0.0, 1.0]])
    sentence = torch.tensor([[0.6, 0.8]]).expand(2, 2)
    present = {name: torch.ones(2, 1, dtype=torch.bool) for name in ("audio", "text")}
    logits = prompt_logits({"audio": sound, "text": sentence}, present, torch.eye(2), sentence[0])
    torch.testing.assert_close(logits, 5 * sound)


def test_classes_are_called_in_the_languages_that_train():
    english = zero_shot.sentences(["fear", "No_Humour"], ["en"])
    assert (0, "i feel frightening") in english and (1, "this is No Humour") in english
    assert {i for i, _ in english} == {0, 1}
    both = zero_shot.sentences(["fear"], ["de", "en", "xx"])
    assert {"fear", "Angst"} <= {said for _, said in both} and "pelko" not in {said for _, said in both}
    assert zero_shot.sentences(["fear"], []) == zero_shot.sentences(["fear"], ["xx"])
    for language, called in zero_shot.CALLED.items():
        assert language in zero_shot.TEMPLATES and called.keys() == zero_shot.CALLED["en"].keys()


def test_prompts_are_encoded_as_the_corpora_s_words_are():
    encoders = make(["hashing"], {"dimensions": 64})
    named = zero_shot.sentences(["fear", "anger"], ["en"])
    held = zero_shot.encoded(named, lambda sentence: encode(encoders, sentence))
    assert held.tokens.shape == (len(named), 1, 64) and held.present.all() and set(held.of) == {0, 1}
    parts = {"a": np.ones((1, 3)), "b": 2 * np.ones((3, 3))}
    held = zero_shot.encoded([(0, "a"), (1, "b")], parts.get)
    assert held.tokens.shape == (2, 3, 3) and held.present.sum(1).tolist() == [1, 3]


def test_the_languages_are_those_of_the_rows_asked_for():
    rows = {"utterance_id": ["a/1", "a/2", "b/1", "b/2"], "language": ["de", None, "fi", None]}
    assert zero_shot.languages_of(pd.DataFrame(rows), ["a/1", "b/2"]) == ["de"]


@pytest.mark.slow
def test_the_stage_scores_by_prompts_and_packs_them(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("EMOFLOW_DEVICE", "cpu")
    monkeypatch.setenv("EMOFLOW_WORKERS", "2")
    lay_out(tmp_path, strategies=["late-average", "majority"])
    folds = pd.read_parquet("data/folds.parquet")
    folds = folds[(folds["label"] != "sadness") | (folds["role"] == "test")]
    folds.to_parquet("data/folds.parquet")
    documents.changed(Folds, tmp_path, unseen=["sadness"])
    held = yaml.safe_load(Path("params.yaml").read_text(encoding="utf-8"))
    held["features"]["text"]["dimensions"] = 64
    Path("params.yaml").write_text(yaml.safe_dump(held), encoding="utf-8")
    table = pd.read_parquet("data/utterances/control.parquet").assign(language="en")
    table.to_parquet("data/utterances/control.parquet")
    with pytest.raises(SearchError, match="nothing aligns the modalities with the words in late-average"):
        search.main()

    configs = {"late-average": CONFIG, "majority": {}}
    folds_chosen = {
        name: {k: documents.chosen(config=config, epochs=3) for k in range(3)}
        for name, config in configs.items()
    }
    documents.best(folds_chosen, best="late-average").write()
    train.main()
    card = ModelCard.read()
    assert card.zero_shot.unseen == ["sadness"]
    model = EmotionModel.empty(
        card.strategy, card.config, members=len(card.seeds), classes=len(card.classes), by_prompts=True,
        preparation=Preparation.from_description(card.preparation),
    )  # fmt: skip
    model.load_state_dict(load_file("data/model/weights.safetensors"))
    torch.testing.assert_close(model.prompts.norm(dim=-1), torch.ones(2, 3))
    assert 0 < model.usual_words.norm(dim=-1).max() <= 1
    # The model heard the first fold's rows, as that fold's refit did: it says the same of that fold's test.
    test = sorted(folds.loc[(folds["fold"] == 0) & (folds["role"] == "test"), "utterance_id"])
    store = FeatureStore.open("data/features/control")
    read = {name: store.tokens(name, test) for name in model.modalities}
    said = model(*[{name: torch.from_numpy(each[i]) for name, each in read.items()} for i in (0, 1)])
    rows = pd.read_parquet("data/predictions.parquet")
    given_less = pd.read_parquet("data/subsets.parquet")
    assert set(given_less["strategy"]) == {"late-average"}, "a baseline looks at no modality"
    rows = rows[(rows["fold"] == 0) & (rows["strategy"] == "late-average")]
    figures = rows.groupby("utterance_id")[[f"p_{name}" for name in CLASSES]].mean().loc[test]
    np.testing.assert_allclose(figures, said.numpy(), atol=1e-5)
    assert "sadness" in set(rows["label"])
    # So do the folds' models, which the stage `robustness` tests; attacks move features against the prompts.
    held["robustness"]["conditions"] = {"missing": [0], "fgsm": [0, 0.5]}
    Path("params.yaml").write_text(yaml.safe_dump(held), encoding="utf-8")
    robustness.main()
    worse = PERTURBED.read().query("fold == 0").set_index(["condition", "level", "utterance_id"])
    probabilities = worse[[f"p_{name}" for name in CLASSES]]
    for same in (("missing", 0), ("fgsm", 0)):
        np.testing.assert_allclose(probabilities.loc[same].loc[test], figures, atol=1e-5)
    truth = folds[folds["fold"] == 0].set_index("utterance_id")["label"][test]
    of_truth = [
        np.take_along_axis(
            probabilities.loc["fgsm", level].loc[test].to_numpy(),
            np.array([[CLASSES.index(label)] for label in truth]),
            axis=1,
        )
        for level in (0, 0.5)
    ]
    assert (of_truth[1] < of_truth[0]).mean() > 0.9


def config(strategy: str, **changes) -> dict:
    return {"width": 16, "layers": 1, "align_weight": 0.5} | changes


@pytest.mark.parametrize(
    ("configs", "modalities", "words"),
    [
        ({"late-average": [config("late-average")]}, ["audio", "face"], "needs text and another one"),
        ({"late-average": [config("late-average")]}, ["text"], "needs text and another one"),
        (
            {name: [config(name)] for name in ("audio", "early-concatenation", "late-average")},
            ["audio", "text"],
            r"audio, early-concatenation cannot be compared with a prompt.*\(of those there late-average can\)",
        ),
        (
            {"late-average": [config(""), config("", align_weight=0.0)]},
            ["audio", "text"],
            r"search\.space: \{align_weight: \{uniform",
        ),
    ],
)
def test_a_search_that_could_recognise_nothing_unseen_is_refused(configs, modalities, words):
    with pytest.raises(SearchError, match=rf"zero-shot \(fear\).*{words}"):
        zero_shot.require(["fear"], configs, modalities=modalities)
    zero_shot.require([], configs, modalities=modalities)


def test_baselines_need_no_words():
    configs = {"majority": [{}], "chance": [{}], "late-average": [config("late-average")]}
    zero_shot.require(["fear"], configs, modalities=["audio", "text"])
    assert encoded_size(build("majority", dimensions=SIZES, classes=2, config={})) is None
