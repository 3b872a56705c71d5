"""May a version become champion? Each gate says what it found, what it expected, and what to do."""

import re
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..artifacts.model import PREDICTIONS, seen
from ..artifacts.reports import Metrics
from ..errors import ArtifactError, RegistryError, listed
from ..evaluation.summary import percent
from ..files import digest_of
from ..lineage import Store
from ..lineage.store import Withdrawal
from . import loadback
from .compare import Policy, held_out, paired
from .record import FILES, PREDICTIONS_FOLDER
from .tracking import WEIGHTS, artifact, tracking, version_of

if TYPE_CHECKING:
    import pandas as pd
    from mlflow import MlflowClient
    from mlflow.entities.model_registry import ModelVersion

METRICS_ARTIFACT = f"{FILES[Metrics.path()]}/{Metrics.path().name}"
PREDICTIONS_ARTIFACT = f"{PREDICTIONS_FOLDER}/{PREDICTIONS.path().name}"
"""Where a run has the experiment's metrics and held-out predictions."""

WAIVE_BETTER = "promote it all the same with --waive better --reason …"
NO_ENCODER = "no pre-trained encoder"
WAIVE_LICENCE = "--waive licence --reason 'what it allows'"
RESEARCH_ONLY = re.compile(r"non-?commercial|research only|\bNC\b", re.IGNORECASE)
"""Licences that keep a model from being put to any use, such as CC-BY-NC-4.0 and AV-HuBERT's."""
WAIVABLE = ("lineage", "alarms", "chance", "licence", "pre-training", "protocol", "better")
"""Gates that a person may answer for. Not among them: data that broke its contract, consent that was withdrawn, and a
model that does not load."""


@dataclass(frozen=True)
class Gate:
    """One gate's answer.

    Attributes:
        gate: its name.
        ok: whether it holds.
        found: what was found.
        expected: what it asks for.
        advice: what to do where it does not hold.
        waived: whether it does not hold and a person answers for that.
    """

    gate: str
    ok: bool
    found: str
    expected: str
    advice: str = ""
    waived: bool = False


@dataclass(frozen=True)
class Report:
    """The gates' answers about one version, against the champion of that moment.

    Attributes:
        name: the registered model.
        version: the version that is to become champion.
        champion: the champion that it was compared with; None where there was none.
        gates: the answers.
        loadback: what `loadback.check` found, with the digest of the files that it ran.
    """

    name: str
    version: int
    champion: int | None
    gates: list[Gate]
    loadback: dict[str, Any]

    @property
    def ok(self) -> bool:
        """Whether the version may become champion."""
        return all(gate.ok or gate.waived for gate in self.gates)

    @property
    def refusals(self) -> list[Gate]:
        """The gates that do not hold and are not waived."""
        return [gate for gate in self.gates if not gate.ok and not gate.waived]

    @property
    def waived(self) -> list[str]:
        """The names of the gates that do not hold and are waived."""
        return [gate.gate for gate in self.gates if gate.waived]

    def as_dict(self) -> dict[str, Any]:
        """Give the report as plain data.

        Returns:
            What is logged to the version's run.
        """
        return asdict(self) | {"ok": self.ok}

    def digest(self) -> str:
        """Digest the report, for the ledger.

        Returns:
            The SHA-256 of `as_dict`.
        """
        return digest_of(self.as_dict())


def judge(
    name: str,
    version: int,
    *,
    root: str | Path,
    tracking_uri: str,
    lineage_uri: str,
    policy: Policy,
    waive: Sequence[str] = (),
) -> Report:
    """Check every gate for a version, and log the report to its run.

    Args:
        name: the registered model.
        version: the version that is to become champion.
        root: the project's root.
        tracking_uri: MLflow's tracking and registry URI.
        lineage_uri: the lineage database.
        policy: what the version must show against the champion.
        waive: gates that may fail; those that did are marked in the report.

    Returns:
        The gates' answers.

    Raises:
        RegistryError: for an unknown version, and for a gate that cannot be waived.
    """
    root = Path(root)
    if wrong := sorted(set(waive) - set(WAIVABLE)):
        raise RegistryError(f"{listed(wrong)} cannot be waived; these can: {listed(WAIVABLE)}")
    with (
        Store(lineage_uri, root=root) as store,
        tracking(tracking_uri, root=root) as client,
        tempfile.TemporaryDirectory() as folder,
    ):
        champion = store.holder(name)
        registered = version_of(client, name, version)
        model = store.model(name, version)
        challenger_run = _Run(client, registered, Path(folder) / "challenger")
        gates = [
            _data(model),
            _consent(store.withdrawn_from(name, version)),
            _lineage(model),
            _alarms(challenger_run),
            _chance(challenger_run),
            _licence(model),
            _pretraining(model),
        ]
        if champion is not None and champion != version:
            champion_run = _Run(client, version_of(client, name, champion), Path(folder) / "champion")
            speakers = {row["utterance_id"]: row["speaker"] for row in store.members(name, version)}
            gates += [
                _protocol(challenger_run, champion_run, champion),
                _better(challenger_run, champion_run, champion, speakers, policy),
            ]
        loaded = loadback.check(name, version, root=root, tracking_uri=tracking_uri, store=store)
        gates.append(_loads(loaded, registered.tags.get(WEIGHTS) == model["weights_sha256"]))
        gates = [replace(gate, waived=not gate.ok and gate.gate in waive) for gate in gates]
        report = Report(name, version, champion, gates, loaded)
        client.log_dict(registered.run_id, report.as_dict(), f"gates/{report.digest()[:12]}.json")
    return report


class _Run:
    """What the gates read of a version's run.

    Protocol and strategy are read from the version's tags, which every version of emoflow writes alike: so a champion
    that an older one published can still be compared with.
    """

    def __init__(self, client: "MlflowClient", version: "ModelVersion", folder: Path):
        folder.mkdir()
        self._client, self._folder = client, folder
        self.id = version.run_id
        missing = [tag for tag in ("protocol", "strategy") if not version.tags.get(tag)]
        if missing:
            raise RegistryError(
                f"models:/{version.name}/{version.version} has no tag {listed(missing)}: was it published by "
                "`emoflow publish`?"
            )
        self.protocol, self.strategy = version.tags["protocol"], version.tags["strategy"]

    def metrics(self) -> Metrics:
        """The metrics.

        Raises:
            RegistryError: the run has none.
            ArtifactError: another version of emoflow wrote them.
        """
        path = artifact(self._client, self.id, METRICS_ARTIFACT, self._folder)
        if path is None:
            raise RegistryError(
                f"run {self.id} has no {METRICS_ARTIFACT}: was it published by `emoflow publish`?"
            )
        return Metrics.read_file(path)

    def held_out(self) -> "pd.DataFrame | None":
        """The held-out predictions; None where the run has none."""
        path = artifact(self._client, self.id, PREDICTIONS_ARTIFACT, self._folder)
        return None if path is None else held_out(path, self.strategy)


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


def _consent(withdrawn: Sequence[Withdrawal]) -> Gate:
    return Gate(
        "consent",
        not withdrawn,
        f"the version learned from {listed(withdrawn)}" if withdrawn else "nobody withdrew it",
        "the version learned from no speaker who withdrew consent",
        "take the speaker's files out of the corpus, run `dvc repro`, then `emoflow publish`: `emoflow withdraw` with "
        "the same speaker says how"
        if withdrawn
        else "",
    )


def _lineage(model: dict[str, Any]) -> Gate:
    reasons = listed(f"{each['path']} {each['reason']}" for each in model["unclean"])
    return Gate(
        "lineage",
        model["clean"],
        reasons or f"commit {model['git_commit'][:12]}",
        "code, dvc.yaml and params.yaml are committed as they ran",
        "" if model["clean"] else "commit them, then `emoflow publish` again (nothing is run twice)",
    )


def _alarms(run: _Run) -> Gate:
    expected = f"no alarm in {Metrics.path()}"
    try:
        alarms = run.metrics().alarms
    except ArtifactError:
        return Gate(
            "alarms",
            False,
            f"{METRICS_ARTIFACT} of its run was written by another version of emoflow",
            expected,
            f"look at the report of run {run.id} in MLflow, then promote it with --waive alarms --reason …",
        )
    advice = "look for a leak before anything else: reports/index.html"
    if all(alarm.alarm == "inflated" for alarm in alarms):
        advice = (
            "take a protocol by speaker (a corpus needs its speakers named for that), or promote it all the same with "
            "--waive alarms --reason …"
        )
    return Gate(
        "alarms",
        not alarms,
        " ".join(alarm.message for alarm in alarms) or "none",
        expected,
        advice if alarms else "",
    )


def _chance(run: _Run) -> Gate:
    expected = "the 95 % interval of the UA of its strategy lies above chance"
    try:
        metrics = run.metrics()
    except ArtifactError:
        return Gate("chance", True, "not known: written by another version of emoflow", expected)
    ua, chance = metrics.strategies[metrics.best].ua, 1 / len(metrics.classes)
    ok = ua.mean > chance and (ua.low is None or ua.low > chance)
    return Gate(
        "chance",
        ok,
        f"UA {percent(ua)}; chance is {100 * chance:.1f}",
        expected,
        ""
        if ok
        else "it is not shown to recognise anything: train longer, on more speakers or with other features, or promote "
        "it all the same with --waive chance --reason …",
    )


def _licence(model: dict[str, Any]) -> Gate:
    models = _encoder_models(model)
    unknown = sorted(name for name, each in models.items() if not each["licence"])
    licences = {name: each["licence"] for name, each in sorted(models.items()) if each["licence"]}
    restricted = [f"{name}: {licence}" for name, licence in licences.items() if RESEARCH_ONLY.search(licence)]
    found, advice = [], []
    if unknown:
        found.append(f"unknown of {listed(unknown)}")
        advice.append(
            "read the licence of the weights, then state it (emoflow encoders add FOLDER --licence …) and make the "
            "features anew"
        )
    if restricted:
        found.append(listed(restricted))
        advice.append("take an encoder whose licence allows any use")
    known = listed(f"{name}: {licence}" for name, licence in licences.items())
    return Gate(
        "licence",
        not found,
        "; ".join(found) or known or NO_ENCODER,
        "the licence of every pre-trained encoder is known, and allows more than research or non-commercial use",
        f"{'; '.join(advice)}; or promote it with {WAIVE_LICENCE}" if advice else "",
    )


def _pretraining(model: dict[str, Any]) -> Gate:
    tested, models = model["description"]["corpora"], _encoder_models(model)
    heard = {name: seen(each["pretrained_on"], tested) for name, each in sorted(models.items())}
    found = listed(f"{name} has seen {listed(corpora)}" for name, corpora in heard.items() if corpora)
    return Gate(
        "pre-training",
        not found,
        found or ("none is known to have seen them" if models else NO_ENCODER),
        "no encoder was pre-trained on a corpus that the model is tested on",
        "its figures are too good: take another encoder, or promote it all the same with --waive pre-training "
        "--reason …"
        if found
        else "",
    )


def _encoder_models(model: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """Encoder → the pre-trained model that it runs; what was published before models were recorded has none."""
    modalities = model["description"]["modalities"].values()
    return {name: each for modality in modalities for name, each in modality.get("models", {}).items()}


def _protocol(new: _Run, old: _Run, champion: int) -> Gate:
    found, expected = new.protocol, old.protocol
    return Gate(
        "protocol",
        found == expected,
        found,
        f"{expected}, that of the champion (version {champion})",
        ""
        if found == expected
        else "a number of another protocol cannot be compared: set `protocol` in params.yaml",
    )


def _better(
    challenger: _Run,
    champion: _Run,
    champion_version: int,
    speakers: Mapping[str, str | None],
    policy: Policy,
) -> Gate:
    """Non-inferiority: the interval of the paired difference of UA excludes a loss larger than the margin."""
    margin = f"{100 * policy.margin:g} points of UA"
    expected = (
        f"on the same held-out utterances as the champion (version {champion_version}), the 95 % interval of the "
        f"difference excludes a loss of {margin}; at least {policy.least_utterances} utterances, "
        f"{policy.least_speakers} speakers and {100 * policy.least_overlap:g} % of the champion's are common"
    )
    predictions = challenger.held_out(), champion.held_out()
    if predictions[0] is None or predictions[1] is None:
        which = "the champion's" if predictions[1] is None else "this version's"
        found = f"{which} run has no {PREDICTIONS_ARTIFACT}, so the two cannot be compared"
        return Gate("better", False, found, expected, "publish it again, or " + WAIVE_BETTER)
    comparison = paired(*predictions, speakers=speakers)
    if comparison is None:
        found = "not one held-out utterance is common to both"
        return Gate(
            "better", False, found, expected, "evaluate on the champion's corpora, too, or " + WAIVE_BETTER
        )
    groups = f"{comparison.speakers} speakers"
    if comparison.unnamed:
        groups += f" ({comparison.unnamed} utterances of unknown speakers, each counted as its own)"
    found = (
        f"UA {100 * comparison.challenger:.1f} against {100 * comparison.champion:.1f} on {comparison.utterances} "
        f"utterances of {groups}, {100 * comparison.overlap:.0f} % of the champion's; "
        f"difference {100 * comparison.difference:+.1f}"
    )
    if comparison.low is not None:
        found += f" ({100 * comparison.low:+.1f} to {100 * comparison.high:+.1f})"
    lacking = comparison.lacking(policy)
    if lacking:
        found += "; too little in common: only " + ", ".join(lacking)
    if comparison.passes(policy):
        return Gate("better", True, found, expected)
    advice = (
        "evaluate on the champion's corpora, too" if lacking else "improve the model or test more speakers"
    )
    return Gate("better", False, found, expected, f"{advice}, or {WAIVE_BETTER}")


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
