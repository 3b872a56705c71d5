"""The store: compare-and-set between processes, a ledger that only grows, facts kept once."""

import multiprocessing
import sqlite3
import traceback
from dataclasses import asdict, replace

import database_of_version_1
import pytest
import sqlalchemy as sa
from emoflow.errors import GateRefused, LineageError, PromotionConflict
from emoflow.lineage import Facts, Store
from emoflow.lineage import tables as t

FACTS = Facts(
    name="emotion-emotion7",
    version=1,
    weights_sha256="a" * 64,
    run_id="run",
    protocol="emotion7.kfold4",
    git_commit="c" * 40,
    unclean=[],
    params={"search": {"seed": 7}},
    dvc_lock_sha256="d" * 64,
    description={"strategy": "audio"},
    verdicts={"control": {"ok": True}},
    executions=[
        {
            "id": "e" * 64,
            "stage": "train",
            "command": "train",
            "params": {},
            "in": [
                {"digest": "md5:1", "path": "data/folds.parquet", "kind": "derived", "size": 3, "files": 1}
            ],
            "out": [{"digest": "md5:2.dir", "path": "data/model", "kind": "derived", "size": 9, "files": 2}],
        }
    ],
    memberships=[
        {
            "utterance_id": f"control/{number}",
            "speaker": f"control/{number // 2}",
            "role": "train",
            "test_fold": 0,
            "audio_digest": None,
            "video_digest": None,
            "text_digest": None,
        }
        for number in range(4)
    ],
)


def move(uri: str, barrier, results, version: int) -> None:
    store = Store(uri)
    barrier.wait(30)
    try:
        store.move("emotion-emotion7", expected=None, to=version, who="test", reason="first")
        results.put(version)
    except PromotionConflict:
        results.put(None)


def race(uri: str, racers: int = 6) -> list[int]:
    """The versions that won when ``racers`` processes move an alias that nobody holds."""
    context = multiprocessing.get_context("spawn")
    barrier, results = context.Barrier(racers), context.Queue()
    children = [context.Process(target=move, args=(uri, barrier, results, n + 1)) for n in range(racers)]
    for child in children:
        child.start()
    found = [results.get(timeout=60) for _ in children]
    for child in children:
        child.join(30)
        assert child.exitcode == 0
    return [version for version in found if version is not None]


def check_the_ledger(uri: str) -> None:
    """Only one of several processes moves an alias; then only who knows the holder can; and rows stay."""
    (winner,) = race(uri)
    store = Store(uri)
    assert store.holder("emotion-emotion7") == winner
    with pytest.raises(PromotionConflict, match=f"is version {winner}, not nobody's"):
        store.move("emotion-emotion7", expected=None, to=99, who="test", reason="late")
    row = store.move(
        "emotion-emotion7", expected=winner, to=99, who="test", reason="better", waived=["lineage"]
    )
    assert (row.from_version, row.to_version, row.waived) == (winner, 99, ["lineage"])
    assert [each.to_version for each in store.ledger("emotion-emotion7")] == [winner, 99]
    for statement in (sa.update(t.promotions).values(who="me"), sa.delete(t.promotions)):
        with pytest.raises(sa.exc.DBAPIError, match="append-only"), t.writing(store._engine) as connection:
            connection.execute(statement)
    assert [each.who for each in store.ledger("emotion-emotion7")] == ["test", "test"]
    store.close()


def check_the_facts(uri: str) -> None:
    store = Store(uri)
    store.record(FACTS)
    before = (store.models(), store.members(FACTS.name, 1), store.executions(FACTS.name, 1))
    store.record(FACTS, reused=True)
    store.record(
        replace(FACTS, version=2, weights_sha256="b" * 64, unclean=[{"path": "x", "reason": "changed"}])
    )
    assert (store.models()[:1], store.members(FACTS.name, 1), store.executions(FACTS.name, 1)) == before
    assert before[2] == FACTS.executions
    assert [event["kind"] for event in store.events(FACTS.name)] == ["published", "reused", "published"]
    assert store.models_of_speaker("control/1") == [
        {"name": FACTS.name, "version": version, "role": "train", "utterances": 2, "champion": False}
        for version in (1, 2)
    ]
    assert store.models_of_speaker("control/9") == []
    store.close()


def check_that_an_older_database_is_carried_over(uri: str) -> None:
    database_of_version_1.make(uri)
    with Store(uri) as store:
        assert store.holder(FACTS.name) == 2
        assert [(row.from_version, row.to_version, row.waived) for row in store.ledger(FACTS.name)] == [
            (None, 1, []),
            (1, 2, ["better"]),
        ]
        assert store.model(FACTS.name, 1)["params"] == FACTS.params
        assert store.manifest(FACTS.name, 1) is None
        store.record(replace(FACTS, manifest={"MLmodel": "f" * 64}), reused=True)
        assert store.manifest(FACTS.name, 1) == {"MLmodel": "f" * 64}
        store.move(FACTS.name, expected=2, to=1, who="test", reason="back")
        assert store.withdraw("control/1", who="test", reason="a letter") == store.withdrawal("control/1")
    with Store(uri) as again:
        with pytest.raises(sa.exc.DBAPIError, match="append-only"), t.writing(again._engine) as connection:
            connection.execute(sa.delete(t.withdrawals))
        assert [row.to_version for row in again.ledger(FACTS.name)] == [1, 2, 1]
        assert again.ledger_problems() == []
        check_that_nothing_is_rewritten(again)


def check_that_a_newer_database_is_refused(uri: str) -> None:
    with Store(uri) as store:
        store.record(FACTS)
        with t.writing(store._engine) as connection:
            connection.execute(sa.update(t.schema_version).values(version=t.SCHEMA_VERSION + 1))
    with pytest.raises(LineageError, match="newer emoflow"):
        Store(uri)


def check_the_manifest(uri: str) -> None:
    with Store(uri) as store:
        store.record(FACTS)
        store.record(replace(FACTS, manifest={"MLmodel": "f" * 64}))
        store.record(FACTS)
        assert store.manifest(FACTS.name, 1) == {"MLmodel": "f" * 64}
        with pytest.raises(LineageError, match="known with a package"):
            store.record(replace(FACTS, manifest={"MLmodel": "e" * 64}))
        with t.writing(store._engine) as connection:
            connection.execute(sa.update(t.models).values(manifest={"MLmodel": "e" * 64}))
        with pytest.raises(LineageError, match="not the one that was recorded"):
            store.manifest(FACTS.name, 1)


def check_that_nothing_is_rewritten(store: Store) -> None:
    before = store.ledger()
    again = {**asdict(before[0]), "who": "me"}
    replacing = {"sqlite": "INSERT OR REPLACE", "postgresql": "INSERT"}[store._engine.dialect.name]
    for statement in (
        sa.update(t.promotions).values(who="me"),
        sa.delete(t.promotions),
        sa.insert(t.promotions).values(again).prefix_with(replacing.removeprefix("INSERT").strip()),
        sa.insert(t.promotions).values({**again, "id": len(before) + 1, "sha256": None}),
    ):
        with pytest.raises(sa.exc.DBAPIError), t.writing(store._engine) as connection:
            connection.execute(statement)
    assert store.ledger() == before


DROP_TRIGGERS = {
    "sqlite": ["DROP TRIGGER promotions_no_UPDATE", "DROP TRIGGER promotions_no_DELETE"],
    "postgresql": ["ALTER TABLE promotions DISABLE TRIGGER ALL"],
}


def check_that_a_rewritten_ledger_is_found(uri: str) -> None:
    p = t.promotions
    with Store(uri) as store:
        for version in range(1, 5):
            store.move(FACTS.name, expected=version - 1 or None, to=version, who="test", reason="better")
        assert store.ledger_problems() == []
        check_that_nothing_is_rewritten(store)
        for statement in DROP_TRIGGERS[store._engine.dialect.name]:
            with t.writing(store._engine) as connection:
                connection.exec_driver_sql(statement)
        with t.writing(store._engine) as connection:
            connection.execute(sa.update(p).where(p.c.id == 2).values(who="me"))
        (problem,) = store.ledger_problems()
        assert "row 2 of the ledger (promote emotion-emotion7 version 2)" in problem
        with t.writing(store._engine) as connection:
            connection.execute(sa.update(p).where(p.c.id == 2).values(who="test"))
        assert store.ledger_problems() == []
        with t.writing(store._engine) as connection:
            connection.execute(sa.delete(p).where(p.c.id == 3))
        (problem,) = store.ledger_problems()
        assert "row 4" in problem


def check_that_a_withdrawal_is_kept_and_binds(uri: str) -> None:
    speaker = "control/1"
    scored = [row | {"role": "test" if row["speaker"] == speaker else "train"} for row in FACTS.memberships]
    with Store(uri) as store:
        assert store.withdrawal(speaker) is None
        store.record(FACTS)
        store.record(replace(FACTS, version=2, weights_sha256="b" * 64, memberships=scored))
        store.move(FACTS.name, expected=None, to=1, who="test", reason="first")
        first = store.withdraw(speaker, who="test", reason="a letter")
        assert store.withdraw(speaker, who="other", reason="once more") == first == store.withdrawal(speaker)
        assert (first.who, first.reason) == ("test", "a letter")
        store.withdraw("other/7", who="test", reason="in no model")
        assert store.speakers() == {"control/0", "control/1", "other/7"}
        assert [store.withdrawn_from(FACTS.name, version) for version in (1, 2)] == [[first], []]
        store.move(FACTS.name, expected=1, to=2, who="test", reason="without them")
        with pytest.raises(GateRefused, match="learned from control/1, who withdrew consent on"):
            store.move(FACTS.name, expected=2, to=1, who="test", reason="back", action="rollback")
        assert store.holder(FACTS.name) == 2
        w, row = t.withdrawals, asdict(first)
        replacing = {"sqlite": "OR REPLACE", "postgresql": ""}[store._engine.dialect.name]
        for statement in (
            sa.update(w).values(speaker="nobody"),
            sa.delete(w),
            sa.insert(w).values(row | {"reason": "none"}).prefix_with(replacing),
        ):
            with pytest.raises(sa.exc.DBAPIError), t.writing(store._engine) as connection:
                connection.execute(statement)
        assert store.withdrawal(speaker) == first


CHECKS = [
    check_that_a_withdrawal_is_kept_and_binds,
    check_that_a_rewritten_ledger_is_found,
    check_that_an_older_database_is_carried_over,
    check_that_a_newer_database_is_refused,
    check_the_manifest,
]
"""What holds of any database, each on an empty one."""


@pytest.mark.parametrize("check", CHECKS, ids=lambda each: each.__name__)
def test_on_sqlite(check, tmp_path):
    check(f"sqlite:///{tmp_path}/lineage.db")


@pytest.mark.slow
def test_one_of_several_processes_wins_on_sqlite(tmp_path):
    check_the_ledger(f"sqlite:///{tmp_path}/deep/lineage.db")


def test_facts_are_kept_once_on_sqlite(tmp_path):
    check_the_facts(f"sqlite:///{tmp_path}/lineage.db")


def test_the_same_version_with_other_weights_is_refused(tmp_path):
    store = Store(f"sqlite:///{tmp_path}/lineage.db")
    store.record(FACTS)
    with pytest.raises(LineageError, match="belong together"):
        store.record(replace(FACTS, weights_sha256="b" * 64))


def test_an_unclean_model_becomes_clean_when_its_code_is_committed_and_never_back(tmp_path):
    store = Store(f"sqlite:///{tmp_path}/lineage.db")
    unclean = replace(FACTS, unclean=[{"path": "params.yaml", "reason": "changed"}])
    store.record(unclean)
    assert not store.model(FACTS.name, 1)["clean"]
    store.record(FACTS)
    assert store.model(FACTS.name, 1)["clean"]
    store.record(unclean)
    assert store.model(FACTS.name, 1)["clean"]


def test_a_relative_path_is_relative_to_the_root_and_reading_makes_no_file(tmp_path):
    store = Store("sqlite:///.emoflow/lineage.db", root=tmp_path)
    assert store.holder(FACTS.name) is None and store.models() == [] and store.ledger() == []
    assert list(tmp_path.iterdir()) == []
    store.record(FACTS)
    assert (tmp_path / ".emoflow" / "lineage.db").is_file()
    assert [each["version"] for each in store.models()] == [FACTS.version]
    store.close()


def test_errors_name_what_is_wrong(tmp_path):
    with pytest.raises(LineageError, match="wanted sqlite"):
        Store("mysql://user@host/base")
    with pytest.raises(LineageError, match="not a database URI"):
        Store("nonsense")
    path = tmp_path / "broken.db"
    path.write_bytes(b"not a database, but long enough to be looked at" * 50)
    with pytest.raises(LineageError, match="cannot be used"):
        Store(f"sqlite:///{path}")
    with pytest.raises(LineageError, match="no lineage here"):
        Store(f"sqlite:///{tmp_path}/lineage.db").model("nobody", 1)


def test_a_locked_database_is_waited_for(tmp_path, monkeypatch):
    monkeypatch.setattr(t, "WAIT_S", 0.1)
    store = Store(f"sqlite:///{tmp_path}/lineage.db")
    other = sqlite3.connect(tmp_path / "lineage.db", isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    with pytest.raises(LineageError, match="locked"):
        store.record(FACTS)
    other.execute("ROLLBACK")
    store.record(FACTS)


@pytest.mark.parametrize(
    "uri",
    [
        "postgresql://user:secret-word@127.0.0.1:1/none?connect_timeout=1",
        "postgresql://127.0.0.1:1/none?connect_timeout=1&password=secret-word",
        "mysql://user@host/base?password=secret-word",
    ],
)
def test_a_password_is_in_no_error_and_no_traceback(uri):
    with pytest.raises(LineageError) as caught:
        Store(uri).record(FACTS)
    assert "secret-word" not in "".join(traceback.format_exception(caught.value))
