"""What a reader saves from the report: its charts as SVG and its tables as CSV, in a browser, from a file."""

import csv
import io
import time
from pathlib import Path
from xml.etree import ElementTree

import pytest
from browser import CHROMIUM, opened
from conftest import absent
from emoflow.artifacts.reports import Metrics
from emoflow.evaluation.timing import shown
from emoflow.evaluation.timing.machine import Latency, Machine
from emoflow.evaluation.timing.measure import StrategyTimes, Timings
from emoflow.stages.evaluate import evaluate
from fabricated_experiment import experiment

pytestmark = pytest.mark.slow

SAVE = "document.querySelectorAll('.save button')"


@pytest.fixture(scope="module")
def report(tmp_path_factory) -> Path:
    if CHROMIUM is None:
        absent("chromium", "no Chromium here: apt-get install chromium, or put it on PATH")
    root = tmp_path_factory.mktemp("report")
    experiment(root, speakers=6, clips=2, folds=3, seeds=2)
    metrics = evaluate(corpora=["control"], seed=7, root=root)
    times = StrategyTimes(("audio",), Latency(0.0012345, 0.002), 800.0, Latency(0.1, 0.2), 9.5, 0.04)
    machine = Machine("A processor", 2, 1, None, 0.1)
    timed = dict.fromkeys(
        (name for name, each in metrics.strategies.items() if each.operations and not each.baseline), times
    )
    shown.write(
        root / "reports",
        metrics,
        Timings(machine, 8, 2.5, {"decode audio": Latency(0.01, 0.02)}, timed, 10**8),
    )
    return root / "reports"


def rows_of(path: Path) -> list[dict[str, str]]:
    text = path.read_bytes().decode()
    rows = list(csv.reader(io.StringIO(text)))
    assert len({len(row) for row in rows}) == 1 and len(set(rows[0])) == len(rows[0]), path.name
    return [dict(zip(rows[0], row, strict=True)) for row in rows[1:]]


def test_charts_and_tables_are_saved_with_the_figures_that_are_known(report, tmp_path):
    metrics = Metrics.read(report.parent)
    with opened(report / "index.html", tmp_path) as browser:
        count = browser.run(f"{SAVE}.length")
        tables = browser.run("document.querySelectorAll('.scroll > table').length")
        charts = browser.run("document.querySelectorAll('svg[role=img]').length")
        assert count == tables + charts and tables > 8 and charts > 3
        for n in range(count):
            browser.run(f"{SAVE}[{n}].click()")
            browser.downloaded(n + 1)
            time.sleep(0.15)  # Chromium drops downloads beyond ten a second
        files = browser.downloaded(count)
    for path in (path for path in files if path.suffix == ".svg"):
        drawn = ElementTree.fromstring(path.read_bytes())  # noqa: S314
        assert drawn.tag == "{http://www.w3.org/2000/svg}svg" and drawn.findall(".//{*}polyline")
        assert all(
            each.get("stroke") or each.get("fill") for each in drawn.iter() if each.tag.endswith("polyline")
        )
    by_name = {path.name: path for path in files}
    for path in files:
        if path.suffix == ".csv":
            assert rows_of(path)
    strategies = {row["strategy"]: row for row in rows_of(by_name["control-emotion7-strategies.csv"])}
    assert set(strategies) == set(metrics.strategies)
    for name, row in strategies.items():
        ua = metrics.strategies[name].ua
        assert [float(row[key]) for key in ("UA", "UA low", "UA high")] == pytest.approx(
            [100 * ua.mean, 100 * ua.low, 100 * ua.high], abs=1e-6
        )
        assert row["parameters"] == (
            str(metrics.strategies[name].params) if metrics.strategies[name].params is not None else ""
        )
    assert "registered" in strategies[metrics.best]["note"]
    better = rows_of(by_name[f"control-emotion7-is-{metrics.best}-really-better.csv"])
    told = {each.second: each for each in metrics.comparisons}
    for row in better:
        each = told[row[f"{metrics.best} against"]]
        assert float(row["over speakers difference"]) == pytest.approx(100 * each.difference)
        assert float(row["over speakers 95 % interval low"]) == pytest.approx(100 * each.low)
        assert float(row["over speakers p, corrected"]) == pytest.approx(each.p_corrected)
    actual = rows_of(by_name["control-emotion7-classes.csv"])
    counts = [[int(cell) for label, cell in row.items() if label != "actual"] for row in actual]
    assert counts == metrics.confusion.counts
    (decoded,) = rows_of(by_name["control-emotion7-decoding-and-encoding.csv"])
    assert decoded == {"stage": "decode audio", "p50, ms": "10", "p95, ms": "20"}


def test_the_keyboard_reaches_the_buttons_and_print_has_none(report, tmp_path):
    with opened(report / "index.html", tmp_path) as browser:
        browser.run(f"{SAVE}[0].focus()")
        assert browser.run(f"document.activeElement === {SAVE}[0] && {SAVE}[0].ariaLabel.length > 10")
        for kind in ("keyDown", "keyUp"):
            key = {"key": "Enter", "code": "Enter", "windowsVirtualKeyCode": 13, "text": "\r"}
            browser.call("Input.dispatchKeyEvent", type=kind, **key)
        assert len(browser.downloaded(1)) == 1
        shown_on = "getComputedStyle(document.querySelector('.save')).display"
        assert browser.run(shown_on) == "block"
        browser.call("Emulation.setEmulatedMedia", media="print")
        assert browser.run(shown_on) == "none"
