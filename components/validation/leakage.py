"""The leakage gate: nothing of a test speaker may be in what a model learns or is chosen by.

Looks at folds and the utterance table together, and says what it found. A ``critical`` finding refuses the folds;
a ``warning`` is for a person to read; ``info`` is a fact about the corpus that other stages use.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING

from ..errors import LeakageError, listed

if TYPE_CHECKING:
    import pandas as pd

GROUPS_SHOWN = 10
ROWS_AT_MOST = 1000
"""So many utterance ids are listed in one finding; ``count`` is always the whole number."""
NEARLY_ALL = 0.95
TELLS_NOTHING = 0.02
"""The share of the label's entropy that the sentence may explain for the text to be called free of emotion."""


@dataclass(frozen=True)
class Finding:
    """One thing that the gate saw. ``fold`` is None for what holds in all folds alike."""

    kind: str
    """speaker, duplicate, repeated-text, no-digest"""
    severity: str
    """critical, warning, info"""
    fold: int | None
    rows: list[str]
    count: int
    explanation: str
    advice: str

    def to_dict(self) -> dict:
        return asdict(self)


def find(folds: pd.DataFrame, table: pd.DataFrame) -> list[Finding]:
    """Everything that crosses, or nearly crosses, the folds' borders.

    Args:
        folds: ``fold, utterance_id, speaker, label, role``, one row an utterance and fold.
        table: the utterance table; rows that are in no fold are not looked at.

    100,000 utterances in 5 folds take a few seconds.
    """
    table = table.merge(folds[["utterance_id"]].drop_duplicates(), on="utterance_id")
    findings = _speakers(folds)
    for media in ("audio", "video"):
        findings += _duplicates(folds, table, media)
        findings += _without_digest(table, media)
    return findings + _repeated_text(folds, table)


def guard(findings: list[Finding]) -> None:
    """Let folds pass that nothing critical was found in.

    Raises:
        LeakageError: naming the rows of every critical finding.
    """
    critical = [finding for finding in findings if finding.severity == "critical"]
    if critical:
        said = "\n".join(f"  - {finding.explanation} {finding.advice}" for finding in critical)
        raise LeakageError(f"the folds leak, so that no score under them would mean anything:\n{said}")


def text_is_no_evidence(findings: list[Finding]) -> bool:
    """Whether test sentences are nearly all known from training and say nothing of the label there (as in RAVDESS).

    Text alone must then score at chance; where it does not, something else leaks.
    """
    return any(finding.kind == "repeated-text" and finding.severity == "info" for finding in findings)


def _speakers(folds: pd.DataFrame) -> list[Finding]:
    held = folds[["fold", "speaker", "role"]].drop_duplicates()
    crossing = held[held.duplicated(["fold", "speaker"], keep=False)].sort_values(["fold", "speaker", "role"])
    findings = []
    for fold, part in crossing.groupby("fold"):
        roles = part.groupby("speaker")["role"].agg(" and ".join)
        rows = folds[(folds["fold"] == fold) & folds["speaker"].isin(roles.index)]["utterance_id"]
        said = listed(f"{speaker} ({role})" for speaker, role in roles.items())
        findings.append(
            _finding(
                "speaker",
                "critical",
                fold=int(fold),
                rows=rows,
                explanation=f"fold {fold}: {len(roles)} speaker(s) with more than one role: {said}.",
                advice="Give all utterances of a speaker one role; if two names are one person, give them one name.",
            )
        )
    return findings


def _duplicates(folds: pd.DataFrame, table: pd.DataFrame, media: str) -> list[Finding]:
    digest = f"{media}_digest"
    held = table[["utterance_id", digest]].dropna()
    held = held[held.duplicated(digest, keep=False)]
    if held.empty:
        return []
    rows = folds.merge(held, on="utterance_id").sort_values(["fold", digest, "utterance_id"])
    pairs = rows[["fold", digest, "role"]].drop_duplicates()
    pairs = pairs[pairs.duplicated(["fold", digest], keep=False)][["fold", digest]].drop_duplicates()
    crossing = rows.merge(pairs, on=["fold", digest])

    findings = []
    for fold, part in crossing.groupby("fold"):
        named = part["utterance_id"] + " (" + part["role"] + ")"
        findings.append(
            _finding(
                "duplicate",
                "critical",
                fold=int(fold),
                rows=part["utterance_id"],
                explanation=f"fold {fold}: byte-identical {media} in different roles: {_groups(named, part[digest])}.",
                advice="Remove the copies from the corpus, or give them to one speaker, so that they share a fold.",
            )
        )
    within = rows[rows["fold"] == rows["fold"].min()].merge(pairs[[digest]], on=digest, how="left_anti")
    if not within.empty:
        findings.append(
            _finding(
                "duplicate",
                "warning",
                fold=None,
                rows=within["utterance_id"],
                explanation=f"byte-identical {media}, always in one role together: "
                f"{_groups(within['utterance_id'], within[digest])}.",
                advice="No leak; but the clip counts more than once. It stays, as the corpus has it.",
            )
        )
    return findings


def _without_digest(table: pd.DataFrame, media: str) -> list[Finding]:
    rows = table.loc[table[media].notna() & table[f"{media}_digest"].isna(), "utterance_id"]
    if rows.empty:
        return []
    return [
        _finding(
            "no-digest",
            "warning",
            fold=None,
            rows=rows,
            explanation=f"{len(rows)} {media} file(s) have no digest: {listed(rows)}; copies of them cannot be seen.",
            advice="See the validation report on whether the files are there and readable.",
        )
    ]


def _repeated_text(folds: pd.DataFrame, table: pd.DataFrame) -> list[Finding]:
    import pandas as pd

    texts = table[["utterance_id", "text"]].dropna()
    if texts.empty:
        return []
    unique = pd.Series(texts["text"].unique())
    said = dict(zip(unique, unique.str.casefold().str.split().str.join(" "), strict=True))
    texts = texts.assign(sentence=pd.factorize(texts["text"].map(said))[0])

    rows = folds.merge(texts[["utterance_id", "sentence"]], on="utterance_id")
    test = rows[rows["role"] == "test"]
    trained = rows.loc[rows["role"] == "train", ["fold", "sentence"]].drop_duplicates()
    repeated = test.merge(trained, on=["fold", "sentence"])
    if repeated.empty:
        return []

    shares = repeated.groupby("fold").size().reindex(test["fold"].unique(), fill_value=0)
    shares = shares / test.groupby("fold").size()
    share = len(repeated) / len(test)
    told = ""
    free = False
    if (shares >= NEARLY_ALL).all():
        tells = _share_of_label_told(test["sentence"], test["label"])
        told = f", and the sentence tells {tells:.0%} of the label"
        free = tells <= TELLS_NOTHING
    return [
        _finding(
            "repeated-text",
            "info" if free else "warning",
            fold=None,
            rows=repeated["utterance_id"].sort_values(),
            explanation=f"{share:.0%} of the test utterances' sentences also occur in training "
            f"({test['sentence'].nunique()} different sentences in all){told}.",
            advice="Text carries no emotion here, so text alone must score at chance; anything above is a leak."
            if free
            else "A model can learn these sentences' labels by heart: read scores of text with that in mind.",
        )
    ]


def _share_of_label_told(sentence: pd.Series, label: pd.Series) -> float:
    """Mutual information of sentence and label over the label's entropy, less what chance adds (Miller 1955).

    Where sentences are few-fold the correction is too small, so that the share errs upwards: no false calm.
    """
    import numpy as np
    import pandas as pd

    counts = pd.crosstab(sentence, label).to_numpy(float)
    count = counts.sum()
    joint = counts / count
    rows, columns = joint.sum(1, keepdims=True), joint.sum(0, keepdims=True)
    entropy = -(columns * np.log(columns)).sum()
    if entropy == 0:
        return 0.0
    filled = joint > 0
    information = (joint[filled] * np.log((joint / (rows * columns))[filled])).sum()
    by_chance = (filled.sum() + 1 - sum(joint.shape)) / (2 * count)
    return float(np.clip((information - by_chance) / entropy, 0, 1))


def _groups(names: pd.Series, digests: pd.Series) -> str:
    """``a = b, c = d … and 4 more``: the names that share each digest; only those shown are put together."""
    codes = digests.factorize()[0]
    groups, names = codes.max() + 1, names.to_numpy()
    shown = [" = ".join(names[codes == code]) for code in range(min(groups, GROUPS_SHOWN))]
    return ", ".join(shown) + (f" … and {groups - len(shown)} more" if groups > len(shown) else "")


def _finding(
    kind: str, severity: str, *, fold: int | None, rows: pd.Series, explanation: str, advice: str
) -> Finding:
    return Finding(kind, severity, fold, rows.iloc[:ROWS_AT_MOST].tolist(), len(rows), explanation, advice)
