"""A lineage database as the first version of its schema had it, with one model and two changes of the champion."""

import sqlalchemy as sa
from emoflow.lineage.tables import engine_of

NAME = "emotion-emotion7"

TABLES = """
CREATE TABLE models (
    name VARCHAR(255) NOT NULL, version INTEGER NOT NULL, weights_sha256 VARCHAR(64) NOT NULL,
    run_id VARCHAR(64) NOT NULL, protocol TEXT NOT NULL, git_commit VARCHAR(64), clean BOOLEAN NOT NULL,
    unclean JSON NOT NULL, params JSON NOT NULL, dvc_lock_sha256 VARCHAR(64), description JSON NOT NULL,
    verdicts JSON NOT NULL, PRIMARY KEY (name, version)
);
CREATE INDEX ix_models_weights_sha256 ON models (weights_sha256);
CREATE TABLE executions (
    id VARCHAR(64) NOT NULL, stage VARCHAR(255) NOT NULL, command TEXT NOT NULL, params JSON NOT NULL, PRIMARY KEY (id)
);
CREATE TABLE artifacts (
    digest VARCHAR(80) NOT NULL, path VARCHAR(1024) NOT NULL, kind VARCHAR(16) NOT NULL, size BIGINT, files INTEGER,
    PRIMARY KEY (digest, path)
);
CREATE TABLE events (
    id {serial} NOT NULL, at VARCHAR(32) NOT NULL, kind VARCHAR(32) NOT NULL, name VARCHAR(255) NOT NULL,
    version INTEGER NOT NULL, detail JSON NOT NULL, PRIMARY KEY (id)
);
CREATE TABLE promotions (
    id {serial} NOT NULL, name VARCHAR(255) NOT NULL, alias VARCHAR(64) NOT NULL, action VARCHAR(16) NOT NULL,
    from_version INTEGER, to_version INTEGER NOT NULL, who VARCHAR(255) NOT NULL, at VARCHAR(32) NOT NULL,
    reason TEXT NOT NULL, report_sha256 VARCHAR(64), waived JSON NOT NULL, PRIMARY KEY (id)
);
CREATE INDEX ix_promotions_name ON promotions (name);
CREATE TABLE edges (
    execution VARCHAR(64) NOT NULL, direction VARCHAR(3) NOT NULL, path VARCHAR(1024) NOT NULL,
    digest VARCHAR(80) NOT NULL, PRIMARY KEY (execution, direction, path),
    FOREIGN KEY(digest, path) REFERENCES artifacts (digest, path),
    FOREIGN KEY(execution) REFERENCES executions (id)
);
CREATE INDEX ix_edges_digest ON edges (digest);
CREATE TABLE descent (
    name VARCHAR(255) NOT NULL, version INTEGER NOT NULL, execution VARCHAR(64) NOT NULL,
    PRIMARY KEY (name, version, execution),
    FOREIGN KEY(name, version) REFERENCES models (name, version),
    FOREIGN KEY(execution) REFERENCES executions (id)
);
CREATE TABLE memberships (
    name VARCHAR(255) NOT NULL, version INTEGER NOT NULL, utterance_id VARCHAR(255) NOT NULL, speaker VARCHAR(255),
    role VARCHAR(16) NOT NULL, test_fold INTEGER, audio_digest VARCHAR(64), video_digest VARCHAR(64),
    text_digest VARCHAR(64), PRIMARY KEY (name, version, utterance_id),
    FOREIGN KEY(name, version) REFERENCES models (name, version)
);
CREATE INDEX ix_memberships_speaker ON memberships (speaker)
"""

ROWS = f"""
INSERT INTO models VALUES ('{NAME}', 1, '{"a" * 64}', 'run', 'emotion7.kfold4', '{"c" * 40}', true, '[]',
    '{{"search": {{"seed": 7}}}}', '{"d" * 64}', '{{"strategy": "audio"}}', '{{"control": {{"ok": true}}}}');
INSERT INTO promotions (name, alias, action, from_version, to_version, who, at, reason, report_sha256, waived) VALUES
    ('{NAME}', 'champion', 'promote', NULL, 1, 'test', '2026-11-27T07:00:00+00:00', 'first', NULL, '[]'),
    ('{NAME}', 'champion', 'promote', 1, 2, 'test', '2026-11-27T07:01:00+00:00', 'second', NULL, '["better"]')
"""  # noqa: S608

APPEND_ONLY = {
    "sqlite": [
        f"CREATE TRIGGER promotions_no_{word} BEFORE {word} ON promotions "
        "BEGIN SELECT RAISE(ABORT, 'the ledger of promotions is append-only'); END"
        for word in ("UPDATE", "DELETE")
    ],
    "postgresql": [
        "CREATE FUNCTION emoflow_append_only() RETURNS trigger LANGUAGE plpgsql AS "
        "$$ BEGIN RAISE EXCEPTION 'the ledger of promotions is append-only'; END $$",
        "CREATE TRIGGER promotions_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON promotions "
        "FOR EACH STATEMENT EXECUTE FUNCTION emoflow_append_only()",
    ],
}


def make(uri: str) -> None:
    """Make the database at ``uri``."""
    engine = engine_of(uri)
    dialect = engine.dialect.name
    serial = "SERIAL" if dialect == "postgresql" else "INTEGER"
    with engine.begin() as connection:
        for statement in [*TABLES.format(serial=serial).split(";"), *ROWS.split(";"), *APPEND_ONLY[dialect]]:
            connection.execute(sa.text(statement.replace(":", r"\:")))
    engine.dispose()
