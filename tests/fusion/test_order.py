"""The order in which gradual fusion joins modalities: declared, or as they correlate."""

import pytest
import torch
from emoflow.errors import ParamsError, SearchError
from emoflow.fusion.correlation import alignment, correlated_order
from emoflow.fusion.strategy import build
from emoflow.search.space import configurations
from emoflow.training.data import Rows
from emoflow.training.population import Member, Population

SIZES = {"audio": 30, "face": 40, "text": 200}
CONFIG = {"width": 8, "layers": 1, "order": "correlated"}


def linked(*pair: str, count: int = 120, seed: int = 0) -> dict[str, torch.Tensor]:
    """Pooled features of which two modalities share three factors."""
    generator = torch.Generator().manual_seed(seed)
    factors = torch.randn(count, 3, generator=generator)
    made = {}
    for name, size in SIZES.items():
        own = torch.randn(count, size, generator=generator)
        common = factors @ torch.randn(3, size, generator=generator)
        made[name] = own + (0.8 * common if name in pair else 0)
    return made


def test_alignment_is_1_of_the_same_and_0_of_the_unrelated_however_many_features():
    x, y = linked()["face"], linked()["text"]
    assert alignment(x, x * 3 + 1) == pytest.approx(1)
    assert abs(alignment(x, y)) < 0.15  # on 120 rows of 200 features a plain estimate says 0.4 and more
    assert alignment(x, torch.ones(120, 2)) == 0 and alignment(x[:3], y[:3]) == 0
    assert alignment(*(linked("face", "text")[name] for name in ("face", "text"))) > 0.3


@pytest.mark.parametrize("pair", [("audio", "face"), ("audio", "text"), ("face", "text")])
def test_the_most_correlated_pair_comes_first(pair):
    pooled = linked(*pair)
    order = correlated_order(pooled, {name: torch.ones(120, dtype=torch.bool) for name in pooled})
    assert {list(SIZES)[i] for i in order[:2]} == set(pair) and sorted(order) == [0, 1, 2]


def test_rows_without_a_modality_do_not_count():
    pooled = linked("face", "text")
    there = {name: torch.ones(120, dtype=torch.bool) for name in pooled}
    there["audio"][60:] = False
    pooled["audio"] = torch.where(there["audio"][:, None], pooled["audio"], pooled["face"][:, :30] * 50)
    assert correlated_order(pooled, there) == [1, 2, 0]


def rows(pair: tuple[str, str]) -> Rows:
    tokens = {name: x[:, None] for name, x in linked(*pair).items()}
    present = {name: torch.ones(x.shape[:2], dtype=torch.bool) for name, x in tokens.items()}
    return Rows(tokens, present, torch.arange(120) % 3)


def test_a_population_measures_the_order_on_its_training_rows_and_keeps_it():
    made = Population("gradual", [Member(CONFIG, 1), Member(CONFIG, 2)], dimensions=SIZES, classes=3)
    made.fit(rows(("audio", "text")), epochs=1, validation=rows(("face", "text")))
    assert made.buffers["order"].tolist() == [[0, 2, 1]] * 2
    assert made.state()["order"].tolist() == [[0, 2, 1]] * 2


def test_an_order_is_declared_by_names_or_by_who_joins_last():
    def model(order):
        torch.manual_seed(0)
        return build("gradual", dimensions=SIZES, classes=3, config=CONFIG | {"order": order}).eval()

    given = (held := rows(("audio", "face"))).tokens, held.present
    named = model("text+audio+face")
    assert named.order.tolist() == [2, 0, 1] and model("gesture+text+audio+face").order.tolist() == [2, 0, 1]
    torch.testing.assert_close(named(*given).logits, model(1)(*given).logits)
    assert not torch.allclose(named(*given).logits, model("audio+text+face")(*given).logits)
    assert model(2).order.tolist() == [0, 1, 2]


@pytest.mark.parametrize("order", ["audio+text", "audio+audio+text+face", "correlation"])
def test_an_order_that_leaves_somebody_out_is_refused(order):
    with pytest.raises(ParamsError, match=r"name each modality once.*audio\+face\+text.*or say correlated"):
        build("gradual", dimensions=SIZES, classes=3, config=CONFIG | {"order": order})


def test_a_search_may_state_an_order_and_nothing_else_in_its_place():
    def drawn(order: list) -> set:
        stated = {"gradual": {"order": order}}
        made = configurations("gradual", modalities=list(SIZES), count=8, seed=7, stated=stated)
        return {each["order"] for each in made}

    assert drawn(["text+audio+face", "correlated"]) == {"text+audio+face", "correlated"}
    for wrong in ("correlatd", 7):
        with pytest.raises(SearchError, match="one of correlated, 0, 1, 2, or the modalities joined by"):
            drawn([wrong])
