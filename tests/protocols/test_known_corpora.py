"""Each known corpus's own protocol deals what that corpus's layout holds, and the gate lets it through."""

import pandas as pd
import pytest
from emoflow import leakage
from emoflow.protocols import assigned, protocol, select
from emoflow.schema import CORPORA, LABEL_SPACES, UTTERANCE_COLUMNS
from emoflow.synthesis import layouts, utterance_sampling

SPEAKERS = {"iemocap": 10, "meld": 8, "ravdess": 24, "crema-d": 91, "emodb": 10, "muse": 10, "control": 12}
BY_DESIGN = {"meld": {"episode", "speaker", "validation-speaker"}}


@pytest.mark.parametrize("name", SPEAKERS)
def test_the_corpus_s_own_protocol_fits_its_layout(name):
    spec = layouts.layout_spec(name)
    made = utterance_sampling.make(
        spec, utterance_sampling.planted(spec), speakers=SPEAKERS[name], clips=4, seed=7
    )
    rows = spec.plan(made, name, 7, True).rows
    table = pd.DataFrame(rows).reindex(columns=list(UTTERANCE_COLUMNS)).astype(UTTERANCE_COLUMNS)
    corpus = CORPORA[name]
    plan = protocol(corpus.protocol, LABEL_SPACES[corpus.label_space])
    selection = select(plan, table)
    folds = assigned(plan, selection)
    waived = leakage.guard(leakage.find(folds, table), known=plan.leaks)
    kinds = {each.kind for each in waived if "text" not in each.kind}
    assert kinds == BY_DESIGN.get(name, set())
    assert plan.inflated is None
    assert len(selection.rows) + sum(selection.dropped.values()) == len(table)
