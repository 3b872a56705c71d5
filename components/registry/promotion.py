"""Who is champion: a compare-and-set with a ledger in the lineage store. MLflow's alias is its projection."""

import getpass
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from ..errors import GateRefused, PromotionConflict, RegistryError, listed
from ..lineage import Store
from ..lineage.reference import CHALLENGER, CHAMPION
from . import loadback
from .compare import Policy
from .gates import Report, judge
from .projection import project
from .tracking import WEIGHTS, alias_of, tracking, version_of

if TYPE_CHECKING:
    from mlflow import MlflowClient

ANY = -1
"""``expected`` of a caller who expects nobody in particular: the gates' champion is what is compared then."""


@dataclass(frozen=True)
class Promoted:
    """What became of a promotion or a rollback.

    Attributes:
        name: the registered model.
        version: the champion now.
        before: the champion before; None where there was none.
        changed: whether the champion changed.
        report: the gates' answers; None where no gate had to be asked.
        skipped: earlier champions that a rollback could not go back to, each with the reason.
    """

    name: str
    version: int
    before: int | None
    changed: bool
    report: Report | None = None
    skipped: dict[int, str] = field(default_factory=dict)

    @property
    def uri(self) -> str:
        """The champion, as MLflow names it."""
        return f"models:/{self.name}@{CHAMPION}"

    def sentence(self) -> str:
        """Say what became of it.

        Returns:
            One sentence.
        """
        if not self.changed:
            return f"{self.uri} is version {self.version} already"
        before = "nobody" if self.before is None else f"version {self.before}"
        return f"{self.uri} is version {self.version} now (before: {before})"


def promote(
    name: str,
    version: int | None = None,
    *,
    root: str | Path,
    tracking_uri: str,
    lineage_uri: str,
    reason: str,
    policy: Policy | None = None,
    who: str | None = None,
    expected: int | None = ANY,
    waive: Sequence[str] = (),
    report: Report | None = None,
) -> Promoted:
    """Make a version champion if it passes the gates and the champion has not changed meanwhile.

    A version that is champion already, or has the champion's weights, is left where it is.

    Args:
        name: the registered model.
        version: the version to promote; the challenger where None.
        root: the project's root.
        tracking_uri: MLflow's tracking and registry URI.
        lineage_uri: the lineage database, which holds the ledger.
        reason: kept in the ledger.
        policy: what a challenger must show against the champion; needed where no ``report`` is given.
        who: kept in the ledger; the user's login name where None.
        expected: who must be champion now; None: nobody. Where left out, the one the gates compared with.
        waive: gates that may fail; the ledger keeps their names. A reason is then required.
        report: the gates' answers about this version, where they have been checked already.

    Returns:
        What became of it.

    Raises:
        GateRefused: naming the gates that do not hold.
        PromotionConflict: the champion is another than expected.
        RegistryError: an unknown model or version; a waiver without a reason.
        ValueError: neither a report nor a policy.
    """
    if report is None and policy is None:
        raise ValueError("promote needs a policy for the gates, or their report")
    if waive and not reason.strip():
        raise RegistryError("a gate can only be waived with a reason: --reason '…', which the ledger keeps")
    root = Path(root)
    with Store(lineage_uri, root=root) as store:
        with tracking(tracking_uri, root=root) as client:
            version = _challenger(client, name) if version is None else version
            weights = version_of(client, name, version).tags.get(WEIGHTS)
            champion = store.holder(name)
            if expected not in (ANY, champion):
                raise PromotionConflict(
                    f"{name}@{CHAMPION} is {champion}, not {expected} as expected; nothing was changed"
                )
            if champion is not None and (
                version == champion or version_of(client, name, champion).tags.get(WEIGHTS) == weights
            ):
                project(client, store, name)
                return Promoted(name, champion, champion, False)
        if report is None:
            report = judge(
                name,
                version,
                root=root,
                tracking_uri=tracking_uri,
                lineage_uri=lineage_uri,
                policy=policy,
                waive=waive,
            )
        elif (report.name, report.version) != (name, version):
            raise RegistryError(
                f"the report is about {report.name} version {report.version}, not about {name} version {version}"
            )
        if not report.ok:
            raise GateRefused(f"{name} version {version} may not be promoted:\n{_refusals(report)}")
        row = store.move(
            name,
            expected=report.champion,
            to=version,
            who=who or getpass.getuser(),
            reason=reason or "passed the gates",
            report_sha256=report.digest(),
            waived=report.waived,
        )
        with tracking(tracking_uri, root=root) as client:
            project(client, store, name)
    return Promoted(name, version, row.from_version, True, report)


def rollback(
    name: str,
    *,
    root: str | Path,
    tracking_uri: str,
    lineage_uri: str,
    reason: str,
    who: str | None = None,
) -> Promoted:
    """Give the alias back to the last earlier champion that still loads and is as it was published.

    One that learned from a speaker who withdrew consent is skipped.

    Args:
        name: the registered model.
        root: the project's root.
        tracking_uri: MLflow's tracking and registry URI.
        lineage_uri: the lineage database, which holds the ledger.
        reason: kept in the ledger.
        who: kept in the ledger; the user's login name where None.

    Returns:
        What became of it.

    Raises:
        RegistryError: without a reason, and where there is no earlier champion that may be used and loads.
        PromotionConflict: the champion changed meanwhile.
    """
    if not reason.strip():
        raise RegistryError("a rollback needs a reason: --reason '…', which the ledger keeps")
    root = Path(root)
    skipped: dict[int, str] = {}
    with Store(lineage_uri, root=root) as store:
        champion = store.holder(name)
        for version in earlier(store, name):
            if withdrawn := store.withdrawn_from(name, version):
                skipped[version] = f"it learned from {listed(withdrawn)}"
                continue
            problem = loadback.loads(name, version, root=root, tracking_uri=tracking_uri, store=store)
            if problem is None:
                store.move(
                    name,
                    expected=champion,
                    to=version,
                    who=who or getpass.getuser(),
                    reason=reason,
                    action="rollback",
                )
                with tracking(tracking_uri, root=root) as client:
                    project(client, store, name)
                return Promoted(name, version, champion, True, skipped=skipped)
            skipped[version] = problem
    why = "".join(f"\n  version {version}: {problem}" for version, problem in skipped.items())
    raise RegistryError(
        f"{name} has no earlier champion to go back to"
        + (f" that may be used and loads:{why}" if why else "")
    )


def earlier(store: Store, name: str) -> list[int]:
    """List the champions before the present one.

    Args:
        store: the lineage database.
        name: the registered model.

    Returns:
        Their versions, the last first; what was rolled back from is left out.
    """
    reigns: list[int] = []
    for row in store.ledger(name):
        if row.alias != CHAMPION:
            continue
        if row.action == "rollback" and row.to_version in reigns:
            del reigns[reigns.index(row.to_version) + 1 :]
        else:
            reigns = [version for version in reigns if version != row.to_version] + [row.to_version]
    return reigns[-2::-1]


def _refusals(report: Report) -> str:
    """The gates that do not hold: what each found, what it expects, what to do."""
    return "\n".join(
        f"  {gate.gate}: {gate.found}\n    expected: {gate.expected}\n    {gate.advice}"
        for gate in report.refusals
    )


def _challenger(client: "MlflowClient", name: str) -> int:
    version = alias_of(client, name, CHALLENGER) or alias_of(client, name, CHAMPION)
    if version is None:
        raise RegistryError(
            f"{name} has no challenger: `emoflow publish` makes one, `emoflow models` lists what is there"
        )
    return version
