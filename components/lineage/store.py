"""The lineage store: facts about published models, who is in which, and the ledger of promotions."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Self

import sqlalchemy as sa

from ..errors import GateRefused, LineageError, PromotionConflict, listed
from ..files import digest_of
from . import chain
from . import tables as t
from .reference import CHAMPION

TEST = "test"
"""The role of an utterance that a model was scored on and did not learn from."""


@dataclass(frozen=True)
class Facts:
    """What is known of where one model came from. ``harvest`` reads it; ``Store.record`` keeps it."""

    name: str
    version: int
    weights_sha256: str
    run_id: str
    protocol: str
    git_commit: str | None
    unclean: list[dict[str, str]]
    params: dict[str, Any]
    dvc_lock_sha256: str | None
    description: dict[str, Any]
    verdicts: dict[str, Any]
    executions: list[dict[str, Any]] = field(default_factory=list)
    """{"id", "stage", "command", "params", "in": [artifact…], "out": [artifact…]}"""
    memberships: list[dict[str, Any]] = field(default_factory=list)
    manifest: dict[str, str] | None = None
    """The SHA-256 of every file that MLflow holds of the version, by path; None leaves what was recorded."""

    @property
    def clean(self) -> bool:
        """Whether code, ``dvc.yaml`` and ``params.yaml`` are committed as they ran."""
        return not self.unclean


@dataclass(frozen=True)
class LedgerRow:
    """One change of an alias. ``from_version`` is None where nobody held it; ``sha256`` chains it to the row before."""

    id: int
    name: str
    alias: str
    action: str
    from_version: int | None
    to_version: int
    who: str
    at: str
    reason: str
    report_sha256: str | None
    waived: list[str]
    sha256: str


@dataclass(frozen=True)
class Withdrawal:
    """A speaker withdrew consent."""

    speaker: str
    who: str
    at: str
    reason: str

    def __str__(self) -> str:
        return f"{self.speaker}, who withdrew consent on {self.at[:10]}"


class Store:
    """The lineage database at ``uri``: ``sqlite:///PATH`` (relative to ``root``) or ``postgresql://…``.

    Any number of processes may use one database. The file of an SQLite database is made by the first write; until then
    the store reads as empty, so that reading leaves nothing behind. As a context manager it closes its connections at
    the end.

    Args:
        uri: the database.
        root: the folder that a relative path of SQLite is below.

    Raises:
        LineageError: where the database cannot be reached or written.
    """

    def __init__(self, uri: str, *, root: str | Path = "."):
        self._engine = t.engine_of(uri, root=Path(root))
        self._empty: sa.Engine | None = None
        self._complete = False
        self._database(write=False)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the connections to the database."""
        self._engine.dispose()
        if self._empty is not None:
            self._empty.dispose()

    # -- models ------------------------------------------------------------------------------------

    def record(self, facts: Facts, *, reused: bool = False) -> None:
        """Keep the facts; again is as good as once, except for the event that says so.

        A model recorded as unclean may be recorded again as clean (its code was committed since), never the
        other way round. A manifest is recorded once.

        Args:
            facts: what is known of a published model.
            reused: whether the version was there already.

        Raises:
            LineageError: if this version is known with other weights or another manifest.
        """
        key = {"name": facts.name, "version": facts.version}
        row = key | {
            "weights_sha256": facts.weights_sha256,
            "run_id": facts.run_id,
            "protocol": facts.protocol,
            "git_commit": facts.git_commit,
            "clean": facts.clean,
            "unclean": facts.unclean,
            "params": facts.params,
            "dvc_lock_sha256": facts.dvc_lock_sha256,
            "description": facts.description,
            "verdicts": facts.verdicts,
        }
        packed = {}
        if facts.manifest is not None:
            packed = {"manifest": facts.manifest, "package_sha256": digest_of(facts.manifest)}
        with self._writing() as connection:
            known = connection.execute(_of(t.models, key)).mappings().one_or_none()
            if known:
                _refuse_other(known, row, "weights_sha256", "weights")
                _refuse_other(known, packed, "package_sha256", "a package")
                changed = packed if known["clean"] else row | packed
                if changed:
                    connection.execute(sa.update(t.models).where(*_equal(t.models, key)).values(changed))
            else:
                connection.execute(sa.insert(t.models), row | packed)
            if not known or not known["clean"]:
                self._record_descent(connection, facts, key)
            self._event(connection, "reused" if reused else "published", key, {"run_id": facts.run_id})

    def _record_descent(self, connection: sa.Connection, facts: Facts, key: dict) -> None:
        for table in (t.descent, t.memberships):
            connection.execute(sa.delete(table).where(*_equal(table, key)))
        for execution in facts.executions:
            new = {name: execution[name] for name in ("id", "stage", "command", "params")}
            if _insert_new(connection, t.executions, new, "id"):
                for direction in ("in", "out"):
                    for artifact in execution[direction]:
                        _insert_new(connection, t.artifacts, artifact, "digest", "path")
                        edge = {"execution": execution["id"], "direction": direction}
                        edge |= {name: artifact[name] for name in ("path", "digest")}
                        connection.execute(sa.insert(t.edges), edge)
            connection.execute(sa.insert(t.descent), key | {"execution": execution["id"]})
        if facts.memberships:
            connection.execute(sa.insert(t.memberships), [row | key for row in facts.memberships])

    def model(self, name: str, version: int) -> dict[str, Any]:
        """Find a model's row.

        Args:
            name: the registered model.
            version: its version.

        Returns:
            The row, by the columns of ``tables.models``.

        Raises:
            LineageError: for a model that was never recorded.
        """
        with self._reading() as connection:
            row = (
                connection.execute(_of(t.models, {"name": name, "version": version})).mappings().one_or_none()
            )
        if row is None:
            raise LineageError(f"{name} version {version} has no lineage here: `emoflow publish` records it")
        return dict(row)

    def manifest(self, name: str, version: int) -> dict[str, str] | None:
        """What the files of a published version should be.

        Args:
            name: the registered model.
            version: its version.

        Returns:
            The SHA-256 of each file by its path; None for a model that is not known here, and for one that was
            published before manifests were recorded.

        Raises:
            LineageError: the manifest was changed after it was recorded.
        """
        query = sa.select(t.models.c.manifest, t.models.c.package_sha256).where(
            *_equal(t.models, {"name": name, "version": version})
        )
        with self._reading() as connection:
            row = connection.execute(query).one_or_none()
        if row is None or row.package_sha256 is None:
            return None
        if row.manifest is None or digest_of(row.manifest) != row.package_sha256:
            raise LineageError(
                f"the manifest of {name} version {version} is not the one that was recorded: the lineage database "
                "was changed by hand; restore it from a backup"
            )
        return row.manifest

    def models(self, name: str | None = None) -> list[dict[str, Any]]:
        """List the models that were recorded.

        Args:
            name: one registered model; all where None.

        Returns:
            Their rows, by the columns of ``tables.models``, ordered by name and version.
        """
        query = sa.select(t.models).order_by(t.models.c.name, t.models.c.version)
        return self._rows(query if name is None else query.where(t.models.c.name == name))

    def executions(self, name: str, version: int) -> list[dict[str, Any]]:
        """List the executions of stages that a model comes from.

        Args:
            name: the registered model.
            version: its version.

        Returns:
            Them, in the form of ``Facts.executions``.
        """
        chosen = sa.select(t.descent.c.execution).where(
            *_equal(t.descent, {"name": name, "version": version})
        )
        found = {
            row["id"]: row | {"in": [], "out": []}
            for row in self._rows(
                sa.select(t.executions).where(t.executions.c.id.in_(chosen)).order_by(t.executions.c.stage)
            )
        }
        joined = sa.and_(t.edges.c.digest == t.artifacts.c.digest, t.edges.c.path == t.artifacts.c.path)
        for row in self._rows(
            sa.select(t.edges.c.execution, t.edges.c.direction, t.artifacts)
            .join(t.artifacts, joined)
            .where(t.edges.c.execution.in_(chosen))
            .order_by(t.edges.c.path)
        ):
            execution, direction = row.pop("execution"), row.pop("direction")
            found[execution][direction].append(row)
        return list(found.values())

    # -- who is in which model ---------------------------------------------------------------------

    def members(self, name: str, version: int) -> list[dict[str, Any]]:
        """List the utterances that a model has seen.

        Args:
            name: the registered model.
            version: its version.

        Returns:
            The rows of ``tables.memberships``, ordered by utterance.
        """
        return self._rows(
            _of(t.memberships, {"name": name, "version": version}).order_by(t.memberships.c.utterance_id)
        )

    def models_of_speaker(self, speaker: str) -> list[dict[str, Any]]:
        """List the models that heard a speaker.

        Args:
            speaker: ``<corpus>/<id>``.

        Returns:
            ``{"name", "version", "role", "utterances", "champion"}`` for each model and role of the speaker in it.
        """
        m = t.memberships.c
        rows = self._rows(
            sa.select(m.name, m.version, m.role, sa.func.count().label("utterances"))
            .where(m.speaker == speaker)
            .group_by(m.name, m.version, m.role)
            .order_by(m.name, m.version, m.role)
        )
        champions = {name: self.holder(name) for name in {row["name"] for row in rows}}
        return [row | {"champion": champions[row["name"]] == row["version"]} for row in rows]

    def speakers(self) -> set[str]:
        """List the speakers of all models, and those who withdrew consent.

        Returns:
            Their names, ``<corpus>/<id>``.
        """
        m, w = t.memberships.c, t.withdrawals.c
        query = sa.select(m.speaker).where(m.speaker.is_not(None)).union(sa.select(w.speaker))
        return {row["speaker"] for row in self._rows(query)}

    # -- who withdrew consent ----------------------------------------------------------------------

    def withdraw(self, speaker: str, *, who: str, reason: str) -> Withdrawal:
        """Record that a speaker withdrew consent; what was recorded before stays as it is.

        Args:
            speaker: ``<corpus>/<id>``.
            who: records it.
            reason: why.

        Returns:
            The record of this speaker; an earlier one where there is one.
        """
        row = {"speaker": speaker, "who": who, "at": _now(), "reason": reason}
        with self._writing() as connection:
            _insert_new(connection, t.withdrawals, row, "speaker")
            kept = connection.execute(_of(t.withdrawals, {"speaker": speaker})).mappings().one()
        return Withdrawal(**kept)

    def withdrawal(self, speaker: str) -> Withdrawal | None:
        """Find the record of a speaker who withdrew consent.

        Args:
            speaker: ``<corpus>/<id>``.

        Returns:
            The record; None for a speaker who did not.
        """
        rows = self._rows(_of(t.withdrawals, {"speaker": speaker}))
        return Withdrawal(**rows[0]) if rows else None

    def withdrawn_from(self, name: str, version: int) -> list[Withdrawal]:
        """List the speakers whom a model learned from and who withdrew consent.

        Args:
            name: the registered model.
            version: its version.

        Returns:
            Their records, ordered by speaker; empty where the model may be used.
        """
        with self._reading() as connection:
            return self._withdrawn_from(connection, name, version)

    # -- the ledger --------------------------------------------------------------------------------

    def holder(self, name: str, alias: str = CHAMPION) -> int | None:
        """Find the version that holds an alias by the ledger.

        Args:
            name: the registered model.
            alias: the alias.

        Returns:
            The version; None if none ever held it.
        """
        with self._reading() as connection:
            return self._holder(connection, name, alias)

    def ledger(self, name: str | None = None) -> list[LedgerRow]:
        """List every change of an alias.

        Args:
            name: one registered model; all where None.

        Returns:
            The rows of the ledger, oldest first.
        """
        query = sa.select(t.promotions).order_by(t.promotions.c.id)
        rows = self._rows(query if name is None else query.where(t.promotions.c.name == name))
        return [LedgerRow(**row) for row in rows]

    def move(
        self,
        name: str,
        *,
        expected: int | None,
        to: int,
        who: str,
        reason: str,
        action: str = "promote",
        alias: str = CHAMPION,
        report_sha256: str | None = None,
        waived: Sequence[str] = (),
    ) -> LedgerRow:
        """Give an alias to a version, if ``expected`` still holds it: compare and set, in one transaction.

        Args:
            name: the registered model.
            expected: the version that holds the alias; None: nobody.
            to: the version that is to hold it.
            who: did it.
            reason: why.
            action: ``promote`` or ``rollback``.
            alias: the alias.
            report_sha256: the digest of the gates' report.
            waived: gates that did not hold and were waived.

        Returns:
            The row of the ledger.

        Raises:
            PromotionConflict: if another version holds it now; nothing is changed.
            GateRefused: if the version learned from a speaker who withdrew consent; nothing is changed.
        """
        with self._writing() as connection:
            if withdrawn := self._withdrawn_from(connection, name, to):
                raise GateRefused(
                    f"{name} version {to} may not be {alias}: it learned from {listed(withdrawn)}"
                )
            holder = self._holder(connection, name, alias)
            if holder != expected:
                raise PromotionConflict(
                    f"{name}@{alias} is {_version(holder)}, not {_version(expected)} as expected: somebody was faster. "
                    f"Nothing was changed; compare version {to} with {_version(holder)} and try again"
                )
            p = t.promotions.c
            newest = sa.select(p.id, p.sha256).order_by(p.id.desc()).limit(1)
            before, previous = connection.execute(newest).one_or_none() or (0, chain.START)
            row = {
                "id": before + 1,
                "name": name,
                "alias": alias,
                "action": action,
                "from_version": holder,
                "to_version": to,
                "who": who,
                "at": _now(),
                "reason": reason,
                "report_sha256": report_sha256,
                "waived": list(waived),
            }
            row["sha256"] = chain.row_digest(previous, row)
            connection.execute(sa.insert(t.promotions), row)
        return LedgerRow(**row)

    def ledger_problems(self) -> list[str]:
        """Check the ledger's hash chain.

        Returns:
            One phrase for each row that does not follow from the row before; empty where the chain holds. Rows that
            are missing at the end break no chain: MLflow remembers the last one, see ``registry.verification``.
        """
        rows = self._rows(sa.select(t.promotions).order_by(t.promotions.c.id))
        return [
            f"row {row['id']} of the ledger ({row['action']} {row['name']} version {row['to_version']}), or the row "
            "before it, is not as it was written"
            for row in chain.broken(rows)
        ]

    @contextmanager
    def projecting(self) -> Iterator[None]:
        """Hold the turn to copy the ledger's state elsewhere: see `tables.projecting`.

        Raises:
            LineageError: another process does not end its turn.
        """
        with t.projecting(self._database(write=True)):
            yield

    def events(self, name: str) -> list[dict[str, Any]]:
        """List what happened to the versions of a model.

        Args:
            name: the registered model.

        Returns:
            The rows of ``tables.events``, oldest first.
        """
        return self._rows(sa.select(t.events).where(t.events.c.name == name).order_by(t.events.c.id))

    # -- below -------------------------------------------------------------------------------------

    def _holder(self, connection: sa.Connection, name: str, alias: str) -> int | None:
        p = t.promotions.c
        query = sa.select(p.to_version).where(p.name == name, p.alias == alias).order_by(p.id.desc()).limit(1)
        return connection.execute(query).scalar_one_or_none()

    def _withdrawn_from(self, connection: sa.Connection, name: str, version: int) -> list[Withdrawal]:
        m, w = t.memberships.c, t.withdrawals.c
        learnt = sa.select(m.speaker).where(m.name == name, m.version == version, m.role != TEST)
        query = sa.select(t.withdrawals).where(w.speaker.in_(learnt)).order_by(w.speaker)
        return [Withdrawal(**row) for row in connection.execute(query).mappings()]

    def _event(self, connection: sa.Connection, kind: str, key: Mapping, detail: Mapping) -> None:
        connection.execute(sa.insert(t.events), {"at": _now(), "kind": kind, "detail": dict(detail), **key})

    def _rows(self, query: sa.Select) -> list[dict[str, Any]]:
        with self._reading() as connection:
            return [dict(row) for row in connection.execute(query).mappings()]

    @contextmanager
    def _reading(self) -> Iterator[sa.Connection]:
        engine = self._database(write=False)
        with _readable_errors(engine), engine.begin() as connection:
            yield connection

    @contextmanager
    def _writing(self) -> Iterator[sa.Connection]:
        engine = self._database(write=True)
        with _readable_errors(engine), t.writing(engine) as connection:
            yield connection

    def _database(self, *, write: bool) -> sa.Engine:
        """The database with its schema; an empty one in memory for reading where there is none yet."""
        if not self._complete and (write or t.exists(self._engine)):
            t.create(self._engine)
            self._complete = True
        if self._complete:
            return self._engine
        if self._empty is None:
            self._empty = t.empty()
        return self._empty


@contextmanager
def _readable_errors(engine: sa.Engine) -> Iterator[None]:
    """A database that has gone away, or stays locked, as an error that a user can read."""
    try:
        yield
    except sa.exc.OperationalError as error:
        raise LineageError(
            f"the lineage database {engine.url!r} does not answer: {str(error.orig).strip()}"
        ) from None  # a traceback of the cause may hold a password


def _refuse_other(known: Mapping, row: Mapping, column: str, what: str) -> None:
    """Refuse a digest that is not the one recorded of the same version."""
    before, now = known[column], row.get(column)
    if before and now and before != now:
        raise LineageError(
            f"{known['name']} version {known['version']} is known with {what} {before[:12]}, and is now said to have "
            f"{now[:12]}: do the registry and the lineage database belong together?"
        )


def _insert_new(connection: sa.Connection, table: sa.Table, row: Mapping, *key: str) -> bool:
    """Insert a row unless its key is there. Writers hold the database's lock, so nobody comes between."""
    if connection.execute(_of(table, {name: row[name] for name in key})).first():
        return False
    connection.execute(sa.insert(table), dict(row))
    return True


def _of(table: sa.Table, key: Mapping[str, Any]) -> sa.Select:
    return sa.select(table).where(*_equal(table, key))


def _equal(table: sa.Table, key: Mapping[str, Any]) -> list[sa.ColumnElement[bool]]:
    return [table.c[name] == value for name, value in key.items()]


def _version(version: int | None) -> str:
    return "nobody's" if version is None else f"version {version}"


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")
