"""The layers of every strategy: their names, and that looking at them changes nothing."""

import pytest
import torch
from emoflow.evaluation.probing.model_layers import layer_outputs
from emoflow.fusion.strategy import BASELINES, REGISTRY, build, uses

SIZES = {"audio": 7, "face": 3, "text": 5}
LENGTHS = {"audio": 6, "face": 4, "text": 1}
ROWS = 5
CONFIG = {"width": 16, "layers": 2, "heads": 4, "narrow": 6, "rank": 3, "order": 1, "slots": 4, "experts": 2}
NAMES = ["audio", *REGISTRY]


def outputs(name: str):
    """The strategy, what it says, and the outputs of its layers by "modality, name"."""
    torch.manual_seed(0)
    dimensions = {modality: SIZES[modality] for modality in uses(name, tuple(SIZES))}
    strategy = build(name, dimensions=dimensions, classes=4, config=CONFIG).eval()
    tokens = {modality: torch.randn(ROWS, LENGTHS[modality], size) for modality, size in dimensions.items()}
    present = {modality: torch.ones(x.shape[:2], dtype=torch.bool) for modality, x in tokens.items()}
    before, made = strategy(tokens, present), layer_outputs(strategy, tokens, present)
    after = strategy(tokens, present)
    named = {", ".join(filter(None, layer)): x for layer, x in made.items()}
    return strategy, (before, after), named


@pytest.mark.parametrize("name", NAMES)
def test_every_layer_gives_its_output_once_and_nothing_is_changed(name):
    strategy, (before, after), named = outputs(name)
    for each in ("logits", "embedding"):
        assert torch.equal(getattr(before, each), getattr(after, each))
    assert torch.equal(named["embedding"], before.embedding)
    inner = strategy.inner_layers()
    encoded = before.per_modality_embeddings or {}
    assert len(named) == len(strategy.modalities) + len(encoded) + len(inner) + 1  # no two of one name
    assert all(x.shape[0] == ROWS and x.dim() in (2, 3) for x in named.values())
    assert not any(module._forward_hooks for module in strategy.modules())
    if name not in BASELINES:
        assert all(x.flatten(1).std(0).max() > 0 for x in named.values())


@pytest.mark.parametrize(
    ("name", "some"),
    [
        ("audio", ["audio, input", "embedding"]),
        ("early-concatenation", ["audio, input", "hidden layer 1", "embedding"]),
        ("early-summation", ["text, projected", "hidden layer 1"]),
        ("resampled-concatenation", ["joined", "block 1", "block 2"]),
        ("late-average", ["audio, encoded", "text, encoded", "embedding"]),
        ("late-ensemble", ["audio, encoded"]),
        ("intermediate-concatenation", ["face, encoded"]),
        ("gradual", ["face, encoded", "join 1"]),
        ("tensor", ["audio, encoded", "audio, narrowed"]),
        ("shared-private", ["audio, shared", "audio, private"]),
        ("cross-attention", ["audio, projected", "audio, block 1", "text, block 2"]),
        ("single-stream", ["audio, projected", "block 1", "block 2"]),
        ("many-to-one", ["audio, block 1", "block 2"]),
        ("one-to-many", ["block 2", "audio, block 1"]),
        ("cross-concatenation", ["audio, cross-attention", "block 1"]),
        ("bottleneck", ["audio, block 1 with the bottleneck", "audio, block 3 with the bottleneck"]),
        ("hybrid-stream", ["audio, block 2", "block 2"]),
    ],
)
def test_layers_have_the_names_that_users_know(name, some):
    _, _, named = outputs(name)
    assert [each for each in named if each in some] == some


def test_what_joins_last_gives_the_embedding_itself():
    """So that it is not listed twice."""
    _, (before, _), named = outputs("gradual")
    assert [each for each in named if each.startswith("join")] == ["join 1"]
    assert torch.equal(named["embedding"], before.embedding)
    assert not torch.equal(named["join 1"], named["embedding"])
