"""May a version become champion? Each gate says what it found, what it expected, and what to do."""

import tempfile
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..errors import RegistryError, listed
from ..files import digest_of, read_json
from ..lineage import Store
from . import loadback
from .compare import held_out, paired
from .tracking import WEIGHTS, artifact, tracking, version_of

if TYPE_CHECKING:
    from mlflow import MlflowClient

WAIVABLE = ("lineage", "alarms", "protocol", "better")
"""Gates that a person may answer for. Data that broke its contract and a model that does not load are not among
them."""


@dataclass(frozen=True)
class Gate:
    """One gate's answer."""

    gate: str
    ok: bool
    found: str
    expected: str
    advice: str = ""
    waived: bool = False


@dataclass(frozen=True)
class Report:
    """The gates' answers about one version, against the champion of that moment."""

    name: str
    version: int
    champion: int | None
    gates: list[Gate]
    loadback: dict[str, Any]

    @property
    def ok(self) -> bool:
        return all(gate.ok or gate.waived for gate in self.gates)

    @property
    def refusals(self) -> list[Gate]:
        return [gate for gate in self.gates if not gate.ok and not gate.waived]

    @property
    def waived(self) -> list[str]:
        return [gate.gate for gate in self.gates if gate.waived]

    def as_dict(self) -> dict[str, Any]:
        return asdict(self) | {"ok": self.ok}

    def digest(self) -> str:
        return digest_of(self.as_dict())


def judge(
    name: str,
    version: int,
    *,
    root: str | Path,
    tracking_uri: str,
    lineage_uri: str,
    waive: Sequence[str] = (),
) -> Report:
    """Ask every gate about a version, and log the report to its run.

    Args:
        waive: gates that may fail; those that did are marked in the report.

    Raises:
        RegistryError: for an unknown version, and for a gate that cannot be waived.
    """
    root = Path(root)
    if wrong := sorted(set(waive) - set(WAIVABLE)):
        raise RegistryError(f"{listed(wrong)} cannot be waived; these can: {listed(WAIVABLE)}")
    store = Store(lineage_uri, root=root)
    champion = store.holder(name)
    with tracking(tracking_uri, root=root) as client, tempfile.TemporaryDirectory() as folder:
        registered = version_of(client, name, version)
        model = store.model(name, version)
        here = _Figures(client, registered.run_id, Path(folder) / "new")
        gates = [_data(model), _lineage(model), _alarms(here.metrics)]
        if champion is not None and champion != version:
            there = _Figures(client, version_of(client, name, champion).run_id, Path(folder) / "old")
            gates += [_protocol(here, there, champion), _better(here, there, champion, store, name, version)]
        loaded = loadback.check(name, version, root=root, tracking_uri=tracking_uri)
        gates.append(_loads(loaded, registered.tags.get(WEIGHTS) == model["weights_sha256"]))
        gates = [Gate(**asdict(g) | {"waived": not g.ok and g.gate in waive}) for g in gates]
        report = Report(name, version, champion, gates, loaded)
        client.log_dict(registered.run_id, report.as_dict(), f"gates/{report.digest()[:12]}.json")
    store.close()
    return report


class _Figures:
    """What a run says of its figures."""

    def __init__(self, client: "MlflowClient", run_id: str, folder: Path):
        folder.mkdir()
        self._client, self._run_id, self._folder = client, run_id, folder
        path = artifact(client, run_id, "report/metrics.json", folder)
        if path is None:
            raise RegistryError(
                f"run {run_id} has no report/metrics.json: was it published by `emoflow publish`?"
            )
        self.metrics = read_json(path)

    @property
    def folds(self) -> dict[str, Any]:
        path = artifact(self._client, self._run_id, "data/folds.json", self._folder)
        return {} if path is None else read_json(path)

    def held_out(self):
        path = artifact(self._client, self._run_id, "data/predictions.parquet", self._folder)
        return None if path is None else held_out(path, self.metrics["best"])

    @property
    def ua(self) -> float:
        strategies = self.metrics["strategies"]
        return strategies.get("chosen", strategies[self.metrics["best"]])["ua"]["mean"]


def _data(model: dict[str, Any]) -> Gate:
    broken = {
        corpus: verdict["critical"] for corpus, verdict in model["verdicts"].items() if not verdict["ok"]
    }
    found = "; ".join(f"{corpus}: {listed(what)}" for corpus, what in sorted(broken.items()))
    return Gate(
        "data",
        not broken and bool(model["verdicts"]),
        found or f"the contract holds for {listed(sorted(model['verdicts']))}",
        "every corpus holds its data contract",
        "" if not broken else "see reports/data-docs/<corpus>, mend the recordings, run `dvc repro`",
    )


def _lineage(model: dict[str, Any]) -> Gate:
    said = listed(f"{each['path']} {each['reason']}" for each in model["unclean"])
    return Gate(
        "lineage",
        model["clean"],
        said or f"commit {model['git_commit'][:12]}",
        "code, dvc.yaml and params.yaml are committed as they ran",
        "" if model["clean"] else "commit them, then `emoflow publish` again (nothing is run twice)",
    )


def _alarms(metrics: dict[str, Any]) -> Gate:
    alarms = metrics.get("alarms", [])
    advice = "look for a leak before anything else: reports/index.html"
    if all(alarm.get("alarm") == "inflated" for alarm in alarms):
        advice = (
            "take a protocol by speaker (a corpus needs its speakers named for that), or promote it all the same with "
            "--waive alarms --reason …"
        )
    return Gate(
        "alarms",
        not alarms,
        " ".join(alarm["message"] for alarm in alarms) or "none",
        "no alarm in reports/metrics.json",
        advice if alarms else "",
    )


def _protocol(new: _Figures, old: _Figures, champion: int) -> Gate:
    found, expected = new.metrics["protocol"], old.metrics["protocol"]
    return Gate(
        "protocol",
        found == expected,
        found,
        f"{expected}, that of the champion (version {champion})",
        ""
        if found == expected
        else "a number of another protocol cannot be compared: set `protocol` in params.yaml",
    )


def _better(new: _Figures, old: _Figures, champion: int, store: Store, name: str, version: int) -> Gate:
    expected = f"a higher UA than the champion (version {champion}) on the same held-out utterances"
    predictions = new.held_out(), old.held_out()
    compared = None
    if predictions[0] is not None and predictions[1] is not None:
        speakers = {row["utterance_id"]: row["speaker"] for row in store.members(name, version)}
        compared = paired(*predictions, speakers=speakers, classes=new.metrics["classes"])
    if compared:
        whose = f"{compared['speakers']} speakers" if compared["speakers"] else "speakers whom nobody named"
        found = (
            f"UA {100 * compared['new']:.1f} against {100 * compared['old']:.1f} on {compared['utterances']} "
            f"utterances of {whose}"
        )
        if compared["low"] is not None:
            found += f", difference {100 * compared['low']:+.1f} to {100 * compared['high']:+.1f}"
        better = compared["difference"] > 0
    elif new.folds.get("digest") and new.folds.get("digest") == old.folds.get("digest"):
        better = new.ua > old.ua
        found = f"UA {100 * new.ua:.1f} against {100 * old.ua:.1f}, on the same folds"
    else:
        better, found = False, "not one held-out utterance is common to both"
    return Gate(
        "better",
        better,
        found,
        expected,
        "" if better else "improve the model, or promote it all the same with --waive better --reason …",
    )


def _loads(loaded: dict[str, Any], same_weights: bool) -> Gate:
    wrong = [case["case"] for case in loaded["cases"] if not case["ok"]]
    problems = [*loaded["problems"], *(f"other probabilities in {case}" for case in wrong)]
    if not same_weights:
        problems.append("the lineage knows this version with other weights")
    worst = max((case["difference"] for case in loaded["cases"]), default=0.0)
    rows = sum(case["rows"] for case in loaded["cases"])
    return Gate(
        "load-back",
        loaded["ok"] and same_weights,
        "; ".join(problems) or f"{rows} rows predicted in a clean process, at most {worst:.1e} off",
        f"downloaded in a clean process, it answers as the eager model does, within {loadback.TOLERANCE:g}",
        ""
        if loaded["ok"]
        else "publish it again from the experiment's folder; if it stays, the package lacks something",
    )
