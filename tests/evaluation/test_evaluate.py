"""The stage on fabricated experiments: what it writes, that it repeats, what raises an alarm, what it refuses."""

import base64
import hashlib
import re
import shutil
from html.parser import HTMLParser
from pathlib import Path

import documents
import numpy as np
import pandas as pd
import pytest
from conftest import ROOT
from emoflow.artifacts.features import Exclusions, Recognition
from emoflow.artifacts.folds import Folds, Waived
from emoflow.artifacts.reports import Headline, Metrics, Robustness
from emoflow.artifacts.search import Best
from emoflow.errors import ArtifactError, EvaluationError
from emoflow.evaluation.answer import answer
from emoflow.evaluation.evaluate import measure
from emoflow.evaluation.report import page
from emoflow.evaluation.summary import table
from emoflow.files import read_json, tree_digest, write_table
from emoflow.stages.evaluate import evaluate, main, read
from fabricated_experiment import CLASSES, SKILL, experiment
from sklearn.metrics import accuracy_score, balanced_accuracy_score

HOW = {"corpora": ["control"], "seed": 7}
MEASURE = {"seed": 7}


def run(data: Path) -> Metrics:
    """The stage, with all that it writes."""
    return evaluate(root=data.parent, **HOW)


def measured(data: Path) -> Metrics:
    """The metrics alone."""
    return measure(read(["control"], data.parent), **MEASURE)[0]


def paged(data: Path) -> tuple[Metrics, str]:
    """The metrics and the report, without the plots."""
    experiment = read(["control"], data.parent)
    metrics = measure(experiment, **MEASURE)[0]
    return metrics, page(metrics, best=experiment.best, trials=experiment.trials)


@pytest.fixture(scope="module")
def done(tmp_path_factory) -> tuple[Path, Metrics]:
    data = experiment(tmp_path_factory.mktemp("experiment"))
    return data, run(data)


@pytest.fixture
def data(done, tmp_path) -> Path:
    """What ``done`` was made from, to be changed."""
    return shutil.copytree(done[0], tmp_path / "data")


def test_figures_are_those_of_the_mean_of_the_seeds(done):
    data, metrics = done
    rows = pd.read_parquet(data / "predictions.parquet")
    part = rows[rows["strategy"] == "audio"]
    columns = [f"p_{label}" for label in CLASSES]
    mean = part.groupby("utterance_id")[columns].mean()
    predicted = np.array(CLASSES)[mean.to_numpy().argmax(1)]
    truth = part.groupby("utterance_id")["label"].first()
    figures = metrics.strategies["audio"]
    assert figures.wa.mean == pytest.approx(accuracy_score(truth, predicted))
    assert figures.ua.mean == pytest.approx(balanced_accuracy_score(truth, predicted))
    assert figures.ua.low < figures.ua.mean < figures.ua.high
    single = [
        accuracy_score(one["label"], np.array(CLASSES)[one[columns].to_numpy().argmax(1)])
        for _, one in part.groupby("seed")
    ]
    assert figures.single_seed["wa"].values == pytest.approx(single)
    assert figures.single_seed["wa"].sd == pytest.approx(np.std(single, ddof=1))
    by_fold = [
        accuracy_score(one["label"], np.array(CLASSES)[mean.loc[one["utterance_id"]].to_numpy().argmax(1)])
        for _, one in part[part["seed"] == 0].groupby("fold")
    ]
    assert figures.fold_mean["wa"].values == pytest.approx(by_fold)


def test_best_is_what_validation_chose_and_the_metrics_say_how(done):
    data, metrics = done
    search = Best.read(data.parent)
    assert metrics.best == search.best
    assert metrics.chosen.per_fold == search.per_fold_best
    assert set(metrics.strategies) == {*SKILL, "chosen"}
    assert metrics.strategies["audio"].params == 48_231
    assert metrics.strategies["chosen"].params is None
    assert {each.second for each in metrics.comparisons} == set(SKILL) - {metrics.best}
    assert metrics.excluded.media == {"face": {"no face found": 1}}


def test_the_report_lets_no_script_run_but_its_own(done):
    data, _ = done
    text = (data.parent / "reports" / "index.html").read_text()
    policy = re.search(r'http-equiv="Content-Security-Policy" content="([^"]+)"', text).group(1)
    directives = {name: rest for name, _, rest in (each.strip().partition(" ") for each in policy.split(";"))}
    scripts = re.findall(r"<script>(.*?)</script>", text, re.DOTALL)
    assert directives["default-src"] == "'none'"
    digest = base64.b64encode(hashlib.sha256(scripts[0].encode()).digest()).decode()
    assert directives["script-src"] == f"'self' file: 'sha256-{digest}'" and len(scripts) == 1
    assert not re.search(r"\son[a-z]+=", text)


def test_files_are_the_metrics(done):
    data, metrics = done
    reports = data.parent / "reports"
    assert Metrics.read(data.parent) == metrics
    comparison = pd.read_csv(reports / "comparison.csv")
    assert len(comparison) == len(metrics.strategies)
    assert (comparison["ua"].diff().dropna() <= 0).all()
    assert comparison.set_index("strategy").loc["audio", "ua_low"] == pytest.approx(
        metrics.strategies["audio"].ua.low, abs=1e-6
    )
    confusion = pd.read_csv(reports / "plots" / "confusion.csv")
    assert len(confusion) == metrics.counts.utterances
    assert (confusion["actual"] == confusion["predicted"]).mean() == pytest.approx(
        metrics.strategies[metrics.best].wa.mean
    )
    headline = read_json(reports / "headline.json")
    assert Headline.read(data.parent).model_dump() == headline  # no schema version: DVC would list it
    for metric in ("ua", "wa", "wf1"):
        for choice, name in (("nested", "chosen"), ("registered", metrics.best)):
            figures = metrics.strategies[name].pooled(metric)
            assert headline[f"{metric}_{choice}"] == figures.mean
            bounds = headline[f"{metric}_{choice}_low"], headline[f"{metric}_{choice}_high"]
            assert bounds == (figures.low, figures.high)


@pytest.mark.slow
def test_the_same_inputs_give_the_same_bytes_whatever_their_order(done, tmp_path):
    data, _ = done
    other = experiment(tmp_path)
    rows = pd.read_parquet(other / "predictions.parquet")
    write_table(other / "predictions.parquet", rows.sample(frac=1, random_state=1, ignore_index=True))
    run(other)
    assert tree_digest([data.parent / "reports"]) == tree_digest([tmp_path / "reports"])


@pytest.mark.slow
def test_the_stage_runs_where_dvc_runs_it(done, data, tmp_path, monkeypatch):
    _, metrics = done
    shutil.copy(ROOT / "params.yaml", tmp_path)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("sys.argv", ["evaluate"])
    main()
    written = Metrics.read()
    assert written.intervals.figures.startswith("jackknife over speakers")
    assert written.strategies["audio"].ua.mean == metrics.strategies["audio"].ua.mean
    wanted = {"metrics.json", "headline.json", "comparison.csv", "index.html", "plots"}
    assert {path.name for path in Path("reports").iterdir()} == wanted


def test_honest_strategies_raise_no_alarm(done):
    _, metrics = done
    assert metrics.alarms == []
    assert metrics.ceiling.strategies["audio"].subset == "audio"
    assert metrics.ceiling.strategies["late-average"].subset == "audio+face+text"


def test_strategies_that_were_left_out_are_named_with_the_reason(done):
    page = (done[0].parent / "reports" / "index.html").read_text()
    assert "gesture: no utterance of &lt;control&gt; has it" in page


def test_how_well_people_agree_stands_beside_the_figures(done, tmp_path):
    data, metrics = done
    (corpus,) = metrics.people
    assert metrics.people[corpus]["both"].accuracy == 0.634
    page = (data.parent / "reports" / "index.html").read_text()
    assert "<h2>People" in page and "63.4" in page
    metrics, page = paged(experiment(tmp_path, planted=False))
    assert metrics.people == {} and "<h2>People" not in page


def test_a_strategy_above_the_oracle_of_its_modalities_raises_the_alarm(tmp_path):
    data = experiment(tmp_path, skill=SKILL | {"text": 0.85})  # below the trimodal oracle, above the text's
    metrics, page = paged(data)
    assert [(alarm.alarm, alarm.strategy) for alarm in metrics.alarms] == [("above-ceiling", "text")]
    assert "1 alarm:" in page and "text is above the ceiling" in page
    assert "alarm" in rendered(metrics)


@pytest.mark.slow
def test_every_table_plot_and_page_says_that_the_figures_are_inflated(tmp_path):
    from PIL import Image

    name = "emotion7.random4 (inflated)"
    data = experiment(tmp_path, said={"protocol": name, "inflated": "speakers of the test also train"})
    metrics = run(data)
    reports = tmp_path / "reports"
    assert [alarm.alarm for alarm in metrics.alarms] == ["inflated"]
    assert "speakers of the test also train" in metrics.alarms[0].message
    headline = read_json(reports / "headline.json")
    assert (headline["protocol"], headline["inflated"]) == (name, True)
    assert set(pd.read_csv(reports / "comparison.csv")["protocol"]) == {name}
    for path in (reports / "plots").glob("*.csv"):
        assert set(pd.read_csv(path)["protocol"]) == {name}
    assert pd.read_csv(reports / "plots" / "strategies.csv")["strategy"].str.endswith("(inflated)").all()
    pictures = sorted((reports / "plots").glob("*.png"))
    assert len(pictures) == 3
    for path in pictures:
        assert name in Image.open(path).text["Title"].replace("\n", " ")
    page = (reports / "index.html").read_text()
    assert name in page and page.count('<i class="tag critical">inflated</i>') >= 9
    parsed(page)
    text = rendered(metrics)
    assert name in text and "speakers of the test also train" in " ".join(text.split())


@pytest.mark.slow
@pytest.mark.parametrize(
    ("which", "said"),
    [
        (slice(None), "over utterances (nobody knows their speakers)"),
        (slice(0, 5), "over speakers (and 5 utterances whose speaker nobody knows)"),
    ],
    ids=["all", "some"],
)
def test_intervals_say_what_they_are_over(tmp_path, which, said):
    data = experiment(tmp_path, planted=False)
    table = pd.read_parquet(data / "utterances" / "control.parquet")
    nobody = set(table["utterance_id"][which])
    table["speaker"] = table["speaker"].mask(table["utterance_id"].isin(nobody))
    write_table(data / "utterances" / "control.parquet", table)
    folds = pd.read_parquet(data / "folds.parquet")
    unnamed = folds["utterance_id"].isin(nobody)  # as the folds have them: speakers of their own
    write_table(
        data / "folds.parquet", folds.assign(speaker=folds["speaker"].mask(unnamed, folds["utterance_id"]))
    )
    metrics, page = paged(data)
    assert (metrics.counts.speakers, metrics.counts.nameless) == (
        table["speaker"].nunique(),
        len(nobody),
    )
    parsed(page)
    assert said in page and "an interval over utterances is too narrow" in page
    assert said in " ".join(rendered(metrics).split())
    assert ("no</b> speaker named" in page) == (len(nobody) == len(table))


def test_what_the_gate_let_through_is_carried_by_name_and_reason(tmp_path):
    waived = {"kind": "session", "reason": "one <studio> for all", "count": 41}
    data = experiment(tmp_path, said={"protocol": "emotion7.kfold4 (waived: session)", "waived": [waived]})
    metrics, page = paged(data)
    assert metrics.waived == [Waived(**waived)] and metrics.alarms == []
    parsed(page)
    assert "one &lt;studio&gt; for all" in page and '<i class="tag warning"' in page
    assert "one <studio> for all" in " ".join(rendered(metrics).split())


@pytest.mark.parametrize("sd", [[0.05, 0.1, 0.02], None])
def test_layers_are_a_bar_chart_of_the_weights_that_the_registered_model_learned(data, tmp_path, sd):
    encoder = "<tiny>.weighted.mean"
    weights = {encoder: {"mean": [0.25, 0.6, 0.15], "sd": sd}}
    stated = {
        "encoders": ["egemaps", encoder],
        "parameters": {},
        "layout": [["egemaps", 88], *[[encoder, 8]] * 3],
    }
    documents.card(modalities={"audio": stated | {"layer_weights": weights}, "text": stated}).write(tmp_path)
    metrics, page = paged(data)
    assert metrics.to_dict()["layer_weights"] == {"audio": weights}
    parsed(page)
    assert (
        "<h3>audio · &lt;tiny&gt;.weighted.mean</h3>" in page and page.count('class="bar" style="height') == 3
    )
    top = 0.7 if sd else 0.6
    heights = [float(each) for each in re.findall(r'class="bar" style="height:([\d.]+)%', page)]
    assert heights == pytest.approx([100 * mean / top for mean in (0.25, 0.6, 0.15)], abs=0.01)
    assert f"bottom:{100 / 3 / top:.2f}%" in page  # where each would count the same
    spans = re.findall(r'whisker" style="bottom:([\d.]+)%;height:([\d.]+)%', page)
    expected = [(0.2, 0.1), (0.5, 0.2), (0.13, 0.04)] if sd else []
    assert [tuple(map(float, span)) for span in spans] == [
        pytest.approx((100 * low / top, 100 * span / top), abs=0.01) for low, span in expected
    ]
    assert re.search(r'<div class="most" title="state 1: 60\.0', page) and page.count('class="most"') == 1
    assert ("one standard deviation each way" in page) == (sd is not None)


def test_an_encoder_that_was_tuned_is_described(data, tmp_path):
    encoder = "<tiny>.mean"
    tuning = {
        "encoders": {encoder: {"rank": 8, "parameters": 73728}},
        "epochs": 2,
        "validation": {0: [0.4, 0.55, 0.617], 1: [0.4, None, None]},
    }
    documents.card(tuning=tuning).write(tmp_path)
    metrics, page = paged(data)
    assert metrics.tuning.model_dump() == tuning
    parsed(page)
    assert "<td>&lt;tiny&gt;.mean</td><td>LoRA, rank 8</td>" in page and "73,728" in page
    assert "for 2 epochs: the median of" in page and "61.7" in page and '<td class="r">–</td>' in page


@pytest.mark.parametrize("seen", [["LibriSpeech", "Control"], ["LibriSpeech"]])
def test_an_encoder_that_was_pretrained_on_what_is_tested_is_a_warning(data, tmp_path, seen):
    model = {"sha256": "0" * 64, "licence": "MIT", "pretrained_on": seen}
    stated = {
        "encoders": ["<tiny>"],
        "parameters": {},
        "layout": [["<tiny>", 8]],
        "models": {"<tiny>": model},
    }
    documents.card(modalities={"audio": stated}).write(tmp_path)
    metrics, page = paged(data)
    found = [each for each in metrics.findings if each.kind == "pre-training"]
    assert [each.severity for each in found] == ["warning"] * (len(seen) - 1)
    assert ("&lt;tiny&gt; was pre-trained on control, which is tested here" in page) == (len(seen) == 2)


def test_without_weighted_layers_there_is_no_chart_of_them(done):
    data, metrics = done
    assert (
        metrics.layer_weights == {}
        and "<h2>Layers" not in (data.parent / "reports" / "index.html").read_text()
    )


def test_what_was_left_out_is_counted_by_corpus(done, data, tmp_path):
    dropped = {"control": {"calm": 3}, "other": {"(quarantined)": 2}}
    documents.changed(Folds, tmp_path, dropped_by_corpus=dropped, unlabelled={"lrs3": 1234})
    metrics, page = paged(data)
    assert metrics.excluded.dropped == dropped
    assert metrics.excluded.never_tested == done[1].excluded.never_tested - 5 - 1234
    assert "left out of control" in page and "2 × (quarantined)" in page
    assert "1,234 learned from without a label" in page


@pytest.mark.slow
def test_text_that_must_be_at_chance_raises_the_alarm_when_it_is_not(tmp_path):
    above = measured(experiment(tmp_path / "above", planted=False, text_repeats=True))
    assert [alarm.alarm for alarm in above.alarms] == ["text-above-chance"]
    assert above.ceiling is None
    at_chance = measured(
        experiment(tmp_path / "at", planted=False, text_repeats=True, skill=SKILL | {"text": 1 / 7})
    )
    assert at_chance.alarms == [] and at_chance.text_at_chance.ok


def recognition(root, **changes):
    """Say that the words of control were recognised."""
    rate = {"rate": 0.123, "utterances": 300, "words": 1800, "normalisation": "lower <case>"}
    usual = {"model": "whisper-tiny.en", "language": None, "recordings": 330, "recognised": 329}
    made = Recognition.model_validate(usual | {"word_error_rate": rate} | changes)
    made.write(root, corpus="control")
    return made


@pytest.mark.slow
def test_the_report_says_by_what_words_were_recognised_and_how_well(data, tmp_path):
    stated = recognition(tmp_path)
    metrics, page = paged(data)
    assert metrics.recognition == {"control": stated}
    parsed(page)
    assert "recognised by whisper-tiny.en in 329 of 330 recordings" in page
    assert "word error rate 12.3 % on 300 utterances" in page and "lower &lt;case&gt;" in page
    recognition(tmp_path, word_error_rate=None)
    assert "no transcripts to compare them with" in paged(data)[1]


def test_recognised_words_may_tell_what_sentences_do_not(tmp_path):
    data = experiment(tmp_path, planted=False, text_repeats=True)
    recognition(tmp_path)
    metrics = measured(data)
    assert metrics.alarms == [] and metrics.text_at_chance is None


def test_recognised_words_are_compared_with_the_oracle_that_hears(data, tmp_path):
    recognition(tmp_path)
    assert measured(data).ceiling.strategies["text"].subset == "audio+text"


def test_an_utterance_outside_the_label_space_is_nothing_to_the_oracle(data):
    table = pd.read_parquet(data / "utterances" / "control.parquet")
    extra = table.head(1).assign(utterance_id="control/zz", label="boredom")
    write_table(data / "utterances" / "control.parquet", pd.concat([table, extra], ignore_index=True))
    oracle = pd.read_parquet(data / "ceilings" / "control" / "oracle.parquet").assign(boredom=0.0)
    more = oracle.drop_duplicates("subset").assign(utterance_id="control/zz", label="boredom")
    write_table(data / "ceilings" / "control" / "oracle.parquet", pd.concat([oracle, more]))
    metrics = measured(data)
    assert metrics.ceiling.utterances == len(table) and metrics.ceiling.population == {}
    assert metrics.excluded.never_tested == 1


def test_an_oracle_whose_labels_are_no_classes_is_not_compared_with(data):
    oracle = pd.read_parquet(data / "ceilings" / "control" / "oracle.parquet")
    write_table(data / "ceilings" / "control" / "oracle.parquet", oracle.assign(label="anger"))
    metrics = measured(data)
    assert metrics.ceiling is None
    assert "planted as anger is of several classes" in metrics.findings[-1].explanation


def test_a_corpus_that_is_never_tested_has_no_ceiling(data):
    oracle = pd.read_parquet(data / "ceilings" / "control" / "oracle.parquet")
    write_table(data / "ceilings" / "control" / "oracle.parquet", oracle.assign(utterance_id="other/1"))
    assert measured(data).ceiling is None


def test_a_choice_that_a_leak_reaches_is_not_called_nested(done):
    _, metrics = done
    lines = str(table(metrics).caption).splitlines()
    assert lines[0] == "chosen: each fold's own choice, strictly nested: the figure to quote"
    waived = Waived(kind="validation-speaker", reason="the six friends", count=3)
    leaking = metrics.model_copy(update={"waived": [waived]})
    assert (
        str(table(leaking).caption).splitlines()[0] == "chosen: each fold's own choice: the figure to quote"
    )


def test_the_table_says_what_passed_the_gate_and_what_was_set_aside(done):
    _, metrics = done
    waived = [Waived(kind=kind, reason="by design", count=3) for kind in ("dialogue", "session")]
    dropped = {"control": {"calm": 4, "(quarantined: breaks its contract)": 1200}}
    excluded = metrics.excluded.model_copy(update={"dropped": dropped})
    changed_metrics = metrics.model_copy(update={"waived": waived, "excluded": excluded})
    assert str(table(changed_metrics).caption).splitlines()[2:4] == [
        "let through the leakage gate: dialogue, session: by design",
        "1,200 of control: quarantined: breaks its contract",
    ]


def test_the_ceiling_is_of_the_modalities_that_the_corpora_have(data, tmp_path):
    documents.changed(Best, tmp_path, modalities=["audio", "text"])
    metrics = measured(data)
    assert metrics.strategies["late-average"].modalities == ["audio", "text"]
    assert metrics.ceiling.strategies["late-average"].subset == "audio+text"


@pytest.mark.slow
def test_one_test_speaker_has_figures_without_intervals(tmp_path):
    metrics = run(experiment(tmp_path, speakers=1, folds=1, clips=8, planted=False))
    assert metrics.strategies["audio"].ua.low is None
    rendered(metrics)


def changed(rows: pd.DataFrame, at: pd.Series, **values) -> pd.DataFrame:
    rows = rows.copy()
    for column, value in values.items():
        rows.loc[at, column] = value
    return rows


LATE = "late-average"
FAULTS = {
    "a missing utterance": (
        lambda rows: rows.drop(rows.index[rows["strategy"] == LATE][:2]),
        r"late-average, seed 0, lacks 2 of 336: control/s\d\d-anger-0",
    ),
    "a missing seed": (
        lambda rows: rows[(rows["strategy"] != LATE) | (rows["seed"] != 2)],
        "late-average, seed 2, lacks 336 of 336",
    ),
    "one twice": (lambda rows: pd.concat([rows, rows.tail(1)]), "text, seed 2, has more than once 1 of 336"),
    "one of another fold": (
        lambda rows: changed(rows, rows.index == 0, fold=3),
        "not in the test of that fold: control/",
    ),
    "another label": (
        lambda rows: changed(rows, rows.index == 5, label="fear"),
        "labelled otherwise than in the folds",
    ),
    "no distribution": (
        lambda rows: changed(rows, rows.index == 7, p_fear=float("nan")),
        "whose probabilities are no distribution",
    ),
    "no column of a class": (lambda rows: rows.drop(columns="p_fear"), "no column p_fear"),
    "no best strategy": (
        lambda rows: rows[~rows["strategy"].isin(["cross-attention", "late-weighted"])],
        "which the predictions lack",
    ),
    "not what validation chose": (
        lambda rows: changed(
            rows, rows["strategy"] == "chosen", **{f"p_{name}": float(name == "fear") for name in CLASSES}
        ),
        "'chosen' is not what that fold's validation chose",
    ),
    "nothing": (lambda rows: rows.head(0), "there are no predictions"),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_predictions_that_do_not_fit_are_refused_and_nothing_is_lost(done, tmp_path, fault):
    data, _ = done
    spoil, message = FAULTS[fault]
    before = tree_digest([data.parent / "reports"])
    whole = (data / "predictions.parquet").read_bytes()
    try:
        write_table(data / "predictions.parquet", spoil(pd.read_parquet(data / "predictions.parquet")))
        with pytest.raises(EvaluationError, match=message):
            run(data)
    finally:
        (data / "predictions.parquet").write_bytes(whole)
    assert tree_digest([data.parent / "reports"]) == before


def test_contributions_of_modalities_are_on_the_page_where_a_strategy_fuses(done, tmp_path):
    data, metrics = done
    held = metrics.contributions[metrics.best]
    assert set(metrics.contributions) == set(SKILL) - {"majority", "audio", "text", "face"}
    total = sum(each.mean for each in held.shapley.values())
    assert total == pytest.approx(metrics.strategies[metrics.best].ua.mean - 1 / len(CLASSES))
    assert held.subsets["audio+face+text"] == metrics.strategies[metrics.best].ua
    text = (data.parent / "reports" / "index.html").read_text(encoding="utf-8")
    assert "What each modality contributes" in text and "face+text" in text
    assert "oracle, accuracy" in text
    assert "Shapley" in str(table(metrics).caption)
    first = metrics.misclassified[0]
    assert sum(first.contributions.values()) == pytest.approx(first.confidence - 1 / len(CLASSES))

    single = experiment(tmp_path, skill={"audio": 0.6, "text": 0.4})
    metrics, text = paged(single)
    assert metrics.contributions == {} and metrics.misclassified[0].contributions == {}
    assert "What each modality contributes" not in text and "Shapley" not in str(table(metrics).caption)


def test_a_missing_input_is_named(data):
    (data / "search" / "curves.parquet").unlink()
    with pytest.raises(ArtifactError, match=r"curves\.parquet does not exist; make it: dvc repro search"):
        run(data)


class Page(HTMLParser):
    """Which tags are open, and what a page refers to."""

    def __init__(self):
        super().__init__()
        self.open, self.faults, self.tags, self.links = [], [], set(), []

    def handle_starttag(self, tag, attributes):
        self.tags.add(tag)
        self.links += [value for name, value in attributes if name in ("href", "src", "data")]
        if tag != "meta":
            self.open.append(tag)

    def handle_endtag(self, tag):
        if not self.open or self.open.pop() != tag:
            self.faults.append((tag, self.getpos()))


def parsed(text: str) -> Page:
    page = Page()
    page.feed(text)
    assert not page.faults and not page.open
    return page


def test_the_report_is_whole_and_needs_nothing_else(done):
    data, metrics = done
    text = (data.parent / "reports" / "index.html").read_text()
    page = parsed(text)
    beside = ["data-docs/control/index.html", "corpora/control.png", "run.js", "timings.js"]
    assert page.links == beside and "url(" not in text and "@import" not in text
    for name in (
        *SKILL,
        metrics.protocol,
        "(jackknife, Student's t",
        "all 36 pairs",
        "no face found",
        "byte-identical",
        "learning_rate",
        "emoflow corpora describe control --figure reports/corpora/control.png",
    ):
        assert name in text
    assert len(text) < 500_000


def test_the_cards_begin_with_the_nested_figure_and_show_the_registered_one_beside_it(done):
    data, metrics = done
    text = (data.parent / "reports" / "index.html").read_text()
    cards = re.findall(r'<div class="card">.*?</div>', text)
    nested, best = metrics.strategies["chosen"], metrics.strategies[metrics.best]
    assert nested.ua.mean != best.ua.mean and len(cards) == 4
    for card, key in zip(cards, ("ua", "wa", "wf1", "macro_f1"), strict=True):
        assert f"<strong>{100 * getattr(nested, key).mean:.1f}</strong>" in card
        assert f"★ <b>{100 * getattr(best, key).mean:.1f}</b>" in card
    assert "strictly nested, the figure to quote" in text and f"★ {metrics.best}, the one strategy" in text


def test_the_report_says_corpus_and_task_then_the_answer(done):
    data, metrics = done
    text = (data.parent / "reports" / "index.html").read_text()
    assert "<title>control · emotion7 · emotion recognition report</title>" in text
    assert "Emotion recognition on control (emotion7)</h1>" in text
    assert f'<p class="answer">{answer(metrics)}</p>' in text


def test_the_answer_names_the_strategy_its_figure_and_whether_fusion_helps(done):
    _, metrics = done
    ua = metrics.strategies[metrics.best].ua
    said = answer(metrics)
    assert said.startswith(f"{metrics.best} was chosen by validation and reaches UA {100 * ua.mean:.1f} %")
    assert f"{100 * ua.low:.1f} to {100 * ua.high:.1f}" in said and "strictly nested" in said
    (audio,) = (each for each in metrics.comparisons if each.second == "audio")
    for difference, significant, expected in (
        (0.13, True, "this fusion is better than audio alone (+13.0 points"),
        (-0.13, True, "this fusion is worse than audio alone (−13.0 points"),
        (0.13, False, "this fusion is not shown to differ from audio alone (+13.0 points"),
    ):
        compared = audio.model_copy(update={"difference": difference, "significant": significant})
        assert expected in answer(metrics.model_copy(update={"comparisons": [compared]}))
    better = [
        each.model_copy(update={"difference": 0.1, "significant": each.second != "face"})
        for each in metrics.comparisons
    ]
    said = answer(metrics.model_copy(update={"comparisons": better}))
    assert said.index("better than") < said.index(", and not shown to differ from face alone (+10.0 points")
    assert "audio alone" in said and "text alone" in said


def test_the_answer_says_whether_fusion_beats_a_plain_classifier(done):
    _, metrics = done
    first = metrics.comparisons[0]
    for difference, significant, expected in (
        (0.116, True, "is better than a support vector machine on all features (+11.6 points"),
        (0.116, False, "is not shown to differ from a support vector machine"),
        (-0.02, True, "is worse than a support vector machine on all features (−2.0 points"),
    ):
        told = {
            "second": "svm",
            "difference": difference,
            "low": None,
            "high": None,
            "significant": significant,
        }
        compared = first.model_copy(update=told)
        assert f"{metrics.best} {expected}" in answer(metrics.model_copy(update={"comparisons": [compared]}))
    assert "support vector" not in answer(metrics)


def test_the_answer_where_a_single_modality_wins_and_where_figures_are_inflated(tmp_path):
    data = experiment(
        tmp_path, skill=SKILL | {"audio": 0.9}, planted=False, said={"inflated": "they overlap"}
    )
    metrics = measured(data)
    said = answer(metrics)
    assert said.startswith("audio was chosen") and "which validation preferred to every fusion" in said
    alone = metrics.search.model_copy(update={"strategies": {"audio": metrics.search.strategies["audio"]}})
    assert ": a single modality, as no fusion was searched" in answer(
        metrics.model_copy(update={"search": alone})
    )
    assert "strictly nested" not in said and said.endswith("All figures are inflated: they overlap.")


@pytest.mark.slow
def test_the_report_escapes_what_comes_from_data(data, tmp_path):
    evil = "<script>alert('x')</script>"
    finding = Folds.read(tmp_path).findings[0].model_dump() | {"explanation": evil}
    documents.changed(
        Folds,
        tmp_path,
        protocol=evil,
        findings=[finding],
        dropped_by_corpus={evil: {evil: 3}},
        waived=[{"kind": evil, "reason": evil, "count": 1}],
    )
    excluded = {"utterance_id": evil, "modality": evil, "encoder": evil, "reason": evil}
    Exclusions(exclusions=[excluded]).write(tmp_path, corpus="control")
    metrics = run(data)  # plots, too
    text = (tmp_path / "reports" / "index.html").read_text(encoding="utf-8")
    assert evil not in text and parsed(text).links[-2:] == ["run.js", "timings.js"]
    assert "&lt;script&gt;" in text
    rendered(metrics)


def rendered(metrics: Metrics, width: int = 80) -> str:
    from io import StringIO

    from rich.console import Console

    out = StringIO()
    Console(file=out, width=width).print(table(metrics))
    return out.getvalue()


def test_the_table_says_what_worse_recordings_take_and_what_does_as_well_for_less(done):
    _, metrics = done
    best, cheaper = metrics.best, next(name for name in metrics.strategies if name == "late-average")

    def condition(unit: str, *losses: float) -> dict:
        levels = [
            {"level": level, "ua": none(0.5), "loss": none(loss), "unusable": 0, "shapley": {}}
            | {"word_error_rate": None}
            for level, loss in enumerate(losses)
        ]
        held = {"modality": "audio", "changes": ["audio"], "unit": unit}
        return held | {"levels": levels, "mean_loss": none(0.0)}

    def none(mean: float) -> dict:
        return {"mean": mean, "low": None, "high": None}

    conditions = {"noise": condition("dB SNR", 0.125, 0.05), "blur": condition("share of the height", -0.01)}
    told = {
        "utterances": 9,
        "speakers": 3,
        "clean": none(0.6),
        "shapley": {},
        "conditions": conditions,
        "without": {},
        "left_out": {},
        "word_reference": None,
    }
    strategies = {
        name: figures.model_copy(update={"operations": {best: 200, cheaper: 50}.get(name)})
        for name, figures in metrics.strategies.items()
    }
    changed = metrics.model_copy(
        update={
            "robustness": Robustness.model_validate(told),
            "strategies": strategies,
            "cost": metrics.cost.model_copy(update={"cheapest": cheaper}),
        }
    )
    said = " ".join(rendered(changed).split())
    assert "worst level of each: blur 0 share of the height −1.0, noise 0 dB SNR 12.5" in said
    assert f"{cheaper} is not shown to be worse than ★, and takes 25 % of its operations" in said
    plain = metrics.model_copy(
        update={"robustness": None, "cost": metrics.cost.model_copy(update={"cheapest": best})}
    )
    assert "worse recordings" not in rendered(plain) and "of its operations" not in rendered(plain)


def test_the_table_fits_a_terminal_and_marks_the_best(done):
    _, metrics = done
    text = rendered(metrics)
    assert f"★ {metrics.best}" in text and "…" not in text
    figures = metrics.strategies["audio"]
    line = next(line for line in text.splitlines() if re.match(r"\s+audio\s", line))
    assert f"{100 * figures.wf1.mean:.1f} {100 * figures.wf1.low:.1f}" in line


def test_the_figures_over_folds_and_seeds_stand_beside_those_over_speakers(done):
    data, metrics = done
    rows = pd.read_parquet(data / "predictions.parquet")
    part = rows[rows["strategy"] == "audio"]
    columns = [f"p_{label}" for label in CLASSES]
    single = [
        [
            balanced_accuracy_score(one["label"], np.array(CLASSES)[one[columns].to_numpy().argmax(1)])
            for _, one in fold.groupby("seed")
        ]
        for _, fold in part.groupby("fold")
    ]
    figures = metrics.strategies["audio"].over_folds["ua"]
    assert figures.mean == pytest.approx(np.mean(single))
    assert (figures.over, figures.n) == ("folds", 4)
    assert metrics.counts.test_per_train == pytest.approx(1 / 3)
    error = np.sqrt((1 / 4 + 1 / 3) * np.mean(single, axis=1).var(ddof=1))
    assert figures.high - figures.mean == pytest.approx(3.182446 * error, rel=1e-5)
    far = next(each for each in metrics.comparisons if each.second == "majority")
    assert far.folds.mean > 0.3 and far.significant and far.significant_over_folds
    assert far.folds_p_corrected >= far.folds.p
    comparison = pd.read_csv(data.parent / "reports" / "comparison.csv").set_index("strategy")
    assert comparison.loc["majority", "best_minus_ua_over_folds"] == pytest.approx(far.folds.mean, abs=1e-6)
    assert comparison.loc["audio", "ua_over_folds_high"] == pytest.approx(figures.high, abs=1e-6)
    page = (data.parent / "reports" / "index.html").read_text()
    assert "Nadeau" in page and "n = 4 folds" in page and "both ways" in page


def test_baselines_are_marked_and_compared_with_no_oracle(done):
    data, metrics = done
    assert metrics.strategies["majority"].baseline and not metrics.strategies["audio"].baseline
    assert metrics.strategies["majority"].modalities == []
    assert "majority" not in metrics.ceiling.strategies
    page = (data.parent / "reports" / "index.html").read_text()
    assert page.count(">baseline</i>") == 2
    assert re.search(r"majority\s+baseline", rendered(metrics))


def test_the_budget_that_was_spent_is_said_everywhere(done):
    data, metrics = done
    statement = metrics.search.statement
    assert metrics.search.equal and statement.startswith("Every strategy had the same: 3 configurations")
    page = (data.parent / "reports" / "index.html").read_text()
    assert statement in page and "2,152 of 4,320 (50 %" in page
    text = " ".join(rendered(metrics).split())
    assert statement in text and "2,152 of 4,320 epochs trained" in text
    comparison = pd.read_csv(data.parent / "reports" / "comparison.csv").set_index("strategy")
    assert comparison.loc["audio", "epochs_trained"] == metrics.search.strategies["audio"].epochs_trained


def test_an_unequal_budget_is_said_where_the_equal_one_would_be(data):
    trials = pd.read_parquet(data / "search" / "trials.parquet")
    at = (trials["strategy"] == "audio") & (trials["fold"] == 1) & (trials["trial"] == 2)
    write_table(data / "search" / "trials.parquet", trials[~at])
    metrics, page = paged(data)
    parsed(page)
    for text in (page, " ".join(rendered(metrics).split())):
        assert "Every strategy had the same" not in text
        assert "Not every strategy had the same budget: audio had 2 of 3 configurations on fold 1." in text


def test_too_few_speakers_to_show_anything_is_said(done, tmp_path):
    assert "too few" not in rendered(done[1])
    metrics, page = paged(experiment(tmp_path, speakers=4, clips=2, planted=False))
    assert "no p over them can be below 0.125" in page
    assert "over speakers (too few for it to show)" in " ".join(rendered(metrics).split())
