"""The lineage database's tables, for SQLite and PostgreSQL alike, and the lock that its writers take.

A writer holds the database's one lock from its first statement (``BEGIN IMMEDIATE`` on SQLite, a transaction-
scoped advisory lock on PostgreSQL), so what it reads is still so when it writes.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import sqlalchemy as sa

from ..errors import LineageError
from . import chain

WRITERS_LOCK = 0x656D6F666C6F77  # "emoflow": the key of the advisory lock on PostgreSQL
PROJECTION_LOCK = WRITERS_LOCK + 1
WAIT_S = 60
"""How long to wait for another process's turn."""

SCHEMA_VERSION = 4
"""What `create` makes, and brings older databases to. A database without a number has version 1."""

metadata = sa.MetaData()

schema_version = sa.Table(  # one row
    "schema_version",
    metadata,
    sa.Column("version", sa.Integer, primary_key=True, autoincrement=False),
)

models = sa.Table(
    "models",
    metadata,
    sa.Column("name", sa.String(255), primary_key=True),
    sa.Column("version", sa.Integer, primary_key=True, autoincrement=False),
    sa.Column("weights_sha256", sa.String(64), nullable=False, index=True),
    sa.Column("run_id", sa.String(64), nullable=False),
    sa.Column("protocol", sa.Text, nullable=False),
    sa.Column("git_commit", sa.String(64)),
    sa.Column("clean", sa.Boolean, nullable=False),
    sa.Column("unclean", sa.JSON, nullable=False),  # [{"path", "reason"}]: why it is not clean
    sa.Column("params", sa.JSON, nullable=False),
    sa.Column("dvc_lock_sha256", sa.String(64)),
    sa.Column("description", sa.JSON, nullable=False),  # model.json
    sa.Column("verdicts", sa.JSON, nullable=False),  # {corpus: {"ok", "sha256", "critical", "counts"}}
    sa.Column("manifest", sa.JSON(none_as_null=True)),  # {path: SHA-256} of all files that MLflow holds of it
    sa.Column("package_sha256", sa.String(64)),  # of the manifest
)

executions = sa.Table(  # one stage, run once with exactly these inputs
    "executions",
    metadata,
    sa.Column("id", sa.String(64), primary_key=True),
    sa.Column("stage", sa.String(255), nullable=False),
    sa.Column("command", sa.Text, nullable=False),
    sa.Column("params", sa.JSON, nullable=False),
)

artifacts = sa.Table(  # a file or a folder, as DVC saw it
    "artifacts",
    metadata,
    sa.Column("digest", sa.String(80), primary_key=True),  # "md5:…", a folder's ends in ".dir"
    sa.Column("path", sa.String(1024), primary_key=True),
    sa.Column("kind", sa.String(16), nullable=False),  # raw, code, derived
    sa.Column("size", sa.BigInteger),
    sa.Column("files", sa.Integer),
)

edges = sa.Table(  # what went into an execution and what came out
    "edges",
    metadata,
    sa.Column("execution", sa.ForeignKey("executions.id"), primary_key=True),
    sa.Column("direction", sa.String(3), primary_key=True),  # in, out
    sa.Column("path", sa.String(1024), primary_key=True),
    sa.Column("digest", sa.String(80), nullable=False, index=True),
    sa.ForeignKeyConstraint(["digest", "path"], ["artifacts.digest", "artifacts.path"]),
)

_MODEL = ["models.name", "models.version"]

descent = sa.Table(  # the executions that a model comes from
    "descent",
    metadata,
    sa.Column("name", sa.String(255), primary_key=True),
    sa.Column("version", sa.Integer, primary_key=True, autoincrement=False),
    sa.Column("execution", sa.ForeignKey("executions.id"), primary_key=True),
    sa.ForeignKeyConstraint(["name", "version"], _MODEL),
)

memberships = sa.Table(  # the utterances that a model has seen
    "memberships",
    metadata,
    sa.Column("name", sa.String(255), primary_key=True),
    sa.Column("version", sa.Integer, primary_key=True, autoincrement=False),
    sa.Column("utterance_id", sa.String(255), primary_key=True),
    sa.Column("speaker", sa.String(255), index=True),
    sa.Column(
        "role", sa.String(16), nullable=False
    ),  # the model was fitted on it: train; unlabelled: but not on its label; it was only scored on it: test
    sa.Column("test_fold", sa.Integer),  # the fold whose test it was in, when figures were made
    sa.Column("audio_digest", sa.String(64)),
    sa.Column("video_digest", sa.String(64)),
    sa.Column("text_digest", sa.String(64)),
    sa.ForeignKeyConstraint(["name", "version"], _MODEL),
)

events = (
    sa.Table(  # what happened, reuse included: a run that took its results from a cache is still an event
        "events",
        metadata,
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column("at", sa.String(32), nullable=False),
        sa.Column("kind", sa.String(32), nullable=False),  # published, reused
        sa.Column("name", sa.String(255), nullable=False),
        sa.Column("version", sa.Integer, nullable=False),
        sa.Column("detail", sa.JSON, nullable=False),
    )
)

promotions = sa.Table(  # append-only: the triggers below refuse anything else
    "promotions",
    metadata,
    sa.Column("id", sa.Integer, primary_key=True, autoincrement=False),
    sa.Column("name", sa.String(255), nullable=False, index=True),
    sa.Column("alias", sa.String(64), nullable=False),
    sa.Column("action", sa.String(16), nullable=False),  # promote, rollback
    sa.Column("from_version", sa.Integer),
    sa.Column("to_version", sa.Integer, nullable=False),
    sa.Column("who", sa.String(255), nullable=False),
    sa.Column("at", sa.String(32), nullable=False),  # ISO 8601, UTC
    sa.Column("reason", sa.Text, nullable=False),
    sa.Column("report_sha256", sa.String(64)),  # of the gates' report
    sa.Column("waived", sa.JSON, nullable=False),  # gates that did not hold and were waived by name
    sa.Column(
        "sha256", sa.String(64), nullable=False
    ),  # of this row and the sha256 of the row before: see chain
)

withdrawals = sa.Table(  # speakers who withdrew consent; append-only
    "withdrawals",
    metadata,
    sa.Column("speaker", sa.String(255), primary_key=True),
    sa.Column("who", sa.String(255), nullable=False),
    sa.Column("at", sa.String(32), nullable=False),  # ISO 8601, UTC
    sa.Column("reason", sa.Text, nullable=False),
)

_SQLITE_APPEND_ONLY = [
    f"CREATE TRIGGER IF NOT EXISTS promotions_no_{word} BEFORE {word} ON promotions "
    "BEGIN SELECT RAISE(ABORT, 'the ledger of promotions is append-only'); END"
    for word in ("UPDATE", "DELETE")
] + [  # INSERT OR REPLACE of a row that is there deletes it without the trigger of DELETE
    "CREATE TRIGGER IF NOT EXISTS promotions_no_other_INSERT BEFORE INSERT ON promotions "
    "WHEN NEW.sha256 IS NULL OR NEW.id IS NOT (SELECT coalesce(max(id), 0) + 1 FROM promotions) "
    "BEGIN SELECT RAISE(ABORT, 'the ledger of promotions is append-only'); END"
]
_POSTGRESQL_APPEND_ONLY = [
    "CREATE OR REPLACE FUNCTION emoflow_append_only() RETURNS trigger LANGUAGE plpgsql AS "
    "$$ BEGIN RAISE EXCEPTION 'the ledger of promotions is append-only'; END $$",
    "CREATE OR REPLACE TRIGGER promotions_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON promotions "
    "FOR EACH STATEMENT EXECUTE FUNCTION emoflow_append_only()",
]
_SQLITE_WITHDRAWALS = [
    f"CREATE TRIGGER IF NOT EXISTS withdrawals_no_{word} BEFORE {word} ON withdrawals "
    "BEGIN SELECT RAISE(ABORT, 'withdrawals are append-only'); END"
    for word in ("UPDATE", "DELETE")
] + [
    "CREATE TRIGGER IF NOT EXISTS withdrawals_no_second_INSERT BEFORE INSERT ON withdrawals "
    "WHEN EXISTS (SELECT 1 FROM withdrawals WHERE speaker = NEW.speaker) "
    "BEGIN SELECT RAISE(ABORT, 'withdrawals are append-only'); END"
]
_POSTGRESQL_WITHDRAWALS = [
    "CREATE OR REPLACE FUNCTION emoflow_withdrawals_append_only() RETURNS trigger LANGUAGE plpgsql AS "
    "$$ BEGIN RAISE EXCEPTION 'withdrawals are append-only'; END $$",
    "CREATE OR REPLACE TRIGGER withdrawals_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON withdrawals "
    "FOR EACH STATEMENT EXECUTE FUNCTION emoflow_withdrawals_append_only()",
]


def _add_manifests(connection: sa.Connection) -> None:
    for column in (models.c.manifest, models.c.package_sha256):
        type_name = column.type.compile(connection.dialect)
        connection.exec_driver_sql(f"ALTER TABLE models ADD COLUMN {column.name} {type_name}")


def _chain_promotions(connection: sa.Connection) -> None:
    sqlite = connection.dialect.name == "sqlite"
    trigger = "promotions_no_UPDATE" if sqlite else "promotions_append_only ON promotions"
    connection.exec_driver_sql(f"DROP TRIGGER {trigger}")
    connection.exec_driver_sql("ALTER TABLE promotions ADD COLUMN sha256 VARCHAR(64)")
    previous = chain.START
    for row in connection.execute(sa.select(promotions).order_by(promotions.c.id)).mappings().all():
        previous = chain.row_digest(previous, row)
        changed = sa.update(promotions).where(promotions.c.id == row["id"]).values(sha256=previous)
        connection.execute(changed)
    if not sqlite:
        connection.exec_driver_sql("ALTER TABLE promotions ALTER COLUMN sha256 SET NOT NULL")
    _refuse_changes(connection)


def _add_withdrawals(connection: sa.Connection) -> None:
    withdrawals.create(connection)
    _refuse_other_withdrawals(connection)


def _refuse_other_withdrawals(connection: sa.Connection) -> None:
    """Make the triggers that keep the withdrawals append-only."""
    sqlite = connection.dialect.name == "sqlite"
    for statement in _SQLITE_WITHDRAWALS if sqlite else _POSTGRESQL_WITHDRAWALS:
        connection.exec_driver_sql(statement)


def _refuse_changes(connection: sa.Connection) -> None:
    """Make the triggers that keep the ledger append-only."""
    sqlite = connection.dialect.name == "sqlite"
    for statement in _SQLITE_APPEND_ONLY if sqlite else _POSTGRESQL_APPEND_ONLY:
        connection.exec_driver_sql(statement)


MIGRATIONS = {2: _add_manifests, 3: _chain_promotions, 4: _add_withdrawals}
"""What brings a database to each version from the one before."""


def engine_of(uri: str, *, root: Path = Path()) -> sa.Engine:
    """Make the engine of a database; nothing is opened yet.

    Args:
        uri: ``sqlite:///path`` or ``postgresql://…``, which psycopg 3 reaches.
        root: the folder that a relative path of SQLite is below.

    Returns:
        The engine.

    Raises:
        LineageError: for any other database.
    """
    try:
        url = sa.make_url(uri.replace("postgres://", "postgresql://", 1))
    except sa.exc.ArgumentError:
        raise LineageError(
            "EMOFLOW_LINEAGE_URI is not a database URI; wanted sqlite:///PATH or postgresql://…"
        ) from None
    backend = url.get_backend_name()
    if backend == "postgresql":
        return sa.create_engine(url.set(drivername="postgresql+psycopg"), pool_pre_ping=True)
    if backend != "sqlite" or not url.database or url.database == ":memory:":
        raise LineageError(f"lineage cannot be kept in {url!r}; wanted sqlite:///PATH or postgresql://…")
    path = (root / url.database).resolve()
    engine = sa.create_engine(url.set(database=str(path)), connect_args={"timeout": WAIT_S})

    @sa.event.listens_for(engine, "connect")
    def _(connection, _record):
        connection.isolation_level = (
            None  # the driver would begin a transaction too late, and without the lock
        )
        connection.execute("PRAGMA foreign_keys = ON")
        connection.execute(
            "PRAGMA recursive_triggers = ON"
        )  # INSERT OR REPLACE then asks the trigger of DELETE

    @sa.event.listens_for(engine, "begin")
    def _(connection):
        writes = connection.get_execution_options().get("emoflow_writes")
        connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")

    return engine


@contextmanager
def writing(engine: sa.Engine) -> Iterator[sa.Connection]:
    """Open a transaction that no other writer shares.

    Args:
        engine: the database.

    Yields:
        The connection. The transaction is committed when the block ends well, else rolled back.
    """
    with engine.connect().execution_options(emoflow_writes=True) as connection, connection.begin():
        if engine.dialect.name == "postgresql":
            connection.execute(sa.select(sa.func.pg_advisory_xact_lock(WRITERS_LOCK)))
        yield connection


@contextmanager
def projecting(engine: sa.Engine) -> Iterator[None]:
    """Hold the turn to copy the ledger's state elsewhere; nobody else has it inside the block.

    It is a lock of its own, since MLflow may be slow, and may keep its tables in the same SQLite file.

    Args:
        engine: the database, with its schema.

    Raises:
        LineageError: on SQLite, another process kept its turn for longer than ``WAIT_S``.
    """
    if engine.dialect.name == "postgresql":
        with engine.begin() as connection:
            connection.execute(sa.select(sa.func.pg_advisory_xact_lock(PROJECTION_LOCK)))
            yield
        return
    from filelock import FileLock, Timeout  # needed where a champion is made, and nowhere else

    lock = FileLock(f"{engine.url.database}.projection.lock", timeout=WAIT_S)
    try:
        lock.acquire()
    except Timeout:
        raise LineageError(
            f"another process has been setting MLflow's aliases for {WAIT_S} s: end it, and try again "
            f"({lock.lock_file})"
        ) from None
    try:
        yield
    finally:
        lock.release()


def exists(engine: sa.Engine) -> bool:
    """Tell whether there is a database to read.

    Args:
        engine: the database.

    Returns:
        True for a server; for SQLite, whether its file is there.
    """
    return engine.dialect.name != "sqlite" or Path(engine.url.database).is_file()


def empty() -> sa.Engine:
    """Make a database in memory with the tables and no rows.

    Returns:
        Its engine.
    """
    engine = sa.create_engine("sqlite://")
    metadata.create_all(engine)
    return engine


def create(engine: sa.Engine) -> None:
    """Make the schema, or bring an older one up to date; any number of processes may do so at once.

    Args:
        engine: the database.

    Raises:
        LineageError: if the database cannot be reached or written, or a newer emoflow made it.
    """
    if engine.dialect.name == "sqlite":
        Path(engine.url.database).parent.mkdir(parents=True, exist_ok=True)
    try:
        with engine.connect() as connection:
            version = _version_of(connection)
        if version > SCHEMA_VERSION:
            raise LineageError(
                f"the lineage database {engine.url!r} was made by a newer emoflow (its schema is version {version}, "
                f"this emoflow knows {SCHEMA_VERSION}): install that one"
            )
        if version == SCHEMA_VERSION:
            return
        with writing(engine) as connection:
            _bring_up_to_date(connection)
    except sa.exc.DBAPIError as error:
        raise LineageError(
            f"the lineage database {engine.url!r} cannot be used ({str(error.orig).strip()}); "
            "EMOFLOW_LINEAGE_URI says where it is"
        ) from None  # a traceback of the cause may hold a password


def _version_of(connection: sa.Connection) -> int:
    """The schema's version; 0 where there is none."""
    inspector = sa.inspect(connection)
    if inspector.has_table("schema_version"):
        return connection.execute(sa.select(schema_version.c.version)).scalar_one()
    return int(inspector.has_table("promotions"))


def _bring_up_to_date(connection: sa.Connection) -> None:
    version = _version_of(connection)  # again, under the lock: another process may have been faster
    if version == SCHEMA_VERSION:
        return
    if version == 0:
        metadata.create_all(connection)
        _refuse_changes(connection)
        _refuse_other_withdrawals(connection)
    else:
        schema_version.create(connection, checkfirst=True)
        for number in range(version + 1, SCHEMA_VERSION + 1):
            MIGRATIONS[number](connection)
    connection.execute(sa.delete(schema_version))
    connection.execute(sa.insert(schema_version).values(version=SCHEMA_VERSION))
