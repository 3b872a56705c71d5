"""What a finished experiment says of itself, and when it is clean."""

import pandas as pd
import pytest
import yaml
from documents import protocol
from emoflow.errors import LineageError
from emoflow.lineage import Store, graph, harvest, tree
from emoflow.lineage.tree import resolve
from finished import finish, git, lock


@pytest.fixture
def root(tmp_path):
    return finish(tmp_path / "project")


def facts(root):
    return harvest(root, name="emotion-emotion7", version=1, run_id="run")


def reasons(root):
    return {each["path"]: each["reason"] for each in facts(root).unclean}


def test_an_experiment_committed_as_it_ran_is_clean(root):
    found = facts(root)
    assert found.unclean == []
    assert found.clean
    assert found.git_commit == git(root, "rev-parse", "HEAD")
    stages = {execution["stage"] for execution in found.executions}
    assert stages == {"corpora", "utterances@control", "validate@control", "folds", "train", "evaluate"}
    assert [member["utterance_id"] for member in found.memberships] == [f"control/{n}" for n in range(5)]
    assert {member["test_fold"] for member in found.memberships} == {0, 1, 2}
    kinds = {dep["path"]: dep["kind"] for execution in found.executions for dep in execution["in"]}
    assert kinds["data/raw/control"] == "raw"
    assert kinds["components/training"] == "code"
    assert kinds["data/utterances"] == "derived"
    assert facts(root) == found


def test_of_a_few_shot_protocol_the_first_fold_is_all_that_the_model_learned_from(root):
    protocol(shots=4).write(root)
    roles = {member["utterance_id"]: member["role"] for member in facts(root).memberships}
    assert roles == {f"control/{n}": "test" if n < 2 else "train" for n in range(5)}
    assert {member["test_fold"] for member in facts(root).memberships} == {0, 1, 2}
    with Store(f"sqlite:///{root}/lineage.db") as store:
        store.record(facts(root))
        detail = graph("emotion-emotion7", 1, store=store)["detail"]
    assert (detail["utterances"], detail["speakers"]) == (3, 2)


def test_what_the_model_heard_without_a_label_is_told_apart(root):
    folds = pd.read_parquet(root / "data" / "folds.parquet")
    bare = folds["utterance_id"] == "control/0"
    folds["role"] = folds["role"].mask(bare, "unlabelled")
    folds.to_parquet(root / "data" / "folds.parquet")
    for said in ({"shots": None, "unseen": []}, {"shots": 4, "unseen": []}):
        protocol(**said).write(root)
        roles = {member["utterance_id"]: member["role"] for member in facts(root).memberships}
        assert [name for name, role in roles.items() if role == "unlabelled"] == ["control/0"]


def test_code_that_ran_uncommitted_is_named(root):
    (root / "components" / "training" / "train.py").write_text("FITS = 2\n")
    (root / "components" / "training" / "new.py").write_text("NEW = 1\n")
    lock(root)
    assert set(reasons(root)) == {"components/training/train.py", "components/training/new.py"}
    git(root, "add", "-A")
    git(root, "commit", "-qm", "Fit better")
    assert facts(root).clean


def test_code_that_ran_and_was_put_back_is_not_clean(root):
    (root / "components" / "training" / "train.py").write_text("FITS = 2\n")
    lock(root)
    git(root, "checkout", "-q", "components")
    assert "other bytes than commit" in reasons(root)["components/training"]


def test_code_that_goes_into_the_model_uncommitted_is_named(root):
    (root / "components" / "training" / "train.py").write_text("FITS = 3\n")
    packed = "components/training/train.py"
    found = harvest(root, name="emotion-emotion7", version=1, run_id="run", packed=[packed])
    assert found.unclean == [{"path": packed, "reason": "goes into the model, and is not committed"}]


def test_a_change_after_the_run_does_not_soil_it(root):
    (root / "components" / "training" / "train.py").write_text("FITS = 3\n")
    assert facts(root).clean


def test_params_that_are_not_committed_are_named_by_key(root):
    (root / "params.yaml").write_text(yaml.safe_dump({"corpora": ["control"], "search": {"seed": 8}}))
    lock(root)
    assert set(reasons(root)) == {"params.yaml:search"}


def test_an_uncommitted_dag_is_named(root):
    (root / "dvc.yaml").write_text("stages: {other: {}}\n")
    assert reasons(root) == {"dvc.yaml": "not committed"}


def test_results_that_the_lock_does_not_know_are_named(root):
    (root / "data" / "model" / "weights.safetensors").write_bytes(b"others")
    assert "not what dvc.lock says" in reasons(root)["data/model"]


def test_stages_that_do_not_fit_together_are_named(root):
    held = yaml.safe_load((root / "dvc.lock").read_text())
    held["stages"]["folds"]["outs"][0]["md5"] = "0" * 32
    (root / "dvc.lock").write_text(yaml.safe_dump(held))
    assert "read other bytes" in reasons(root)["data/folds.parquet"]


def test_without_git_nothing_is_clean(root, tmp_path):
    (root / ".git").rename(tmp_path / "elsewhere")
    assert "not a git repository" in reasons(root)["."]


def test_without_a_lock_nothing_can_be_told(root):
    (root / "dvc.lock").unlink()
    with pytest.raises(LineageError, match="dvc repro"):
        facts(root)


def test_a_corpus_without_a_verdict_was_not_validated(root):
    (root / "reports" / "validation" / "control" / "verdict.json").unlink()
    assert facts(root).verdicts["control"]["ok"] is False


def test_the_tree_goes_from_the_model_to_the_raw_files(root, tmp_path):
    store = Store(f"sqlite:///{tmp_path}/lineage.db")
    store.record(facts(root))
    node = graph("emotion-emotion7", 1, store=store)
    assert (node["detail"]["utterances"], node["detail"]["speakers"]) == (5, 3)
    path, waiting = {}, [(node, ())]
    while waiting:
        here, above = waiting.pop()
        path[here["title"]] = above
        waiting += [(child, (*above, here["title"])) for child in here["children"]]
    assert path["data/raw/control"] == (
        "emotion-emotion7 version 1",
        "run",
        "evaluate",
        "train",
        "validate@control",
        "utterances@control",
    )
    assert len([title for title in path if title == "utterances@control"]) == 1

    from rich.console import Console

    console = Console(width=100, record=True, file=(tmp_path / "out.txt").open("w"))
    console.print(tree("models:/emotion-emotion7/1", store=store))
    assert "data/raw/control" in console.export_text()


def test_uris(root, tmp_path):
    store = Store(f"sqlite:///{tmp_path}/lineage.db")
    store.record(facts(root))
    name = "emotion-emotion7"
    assert resolve(name, store) == (name, 1)
    assert resolve(f"models:/{name}/7", store) == (name, 7)
    assert resolve(f"models:/{name}@challenger", store) == (name, 1)
    with pytest.raises(LineageError, match="no version of emotion-emotion7 is champion"):
        resolve(f"models:/{name}@champion", store)
    store.move(name, expected=None, to=1, who="test", reason="first")
    assert resolve(f"models:/{name}@champion", store) == (name, 1)
    for wrong in ("models:/other@challenger", "models:/", "a/b/c"):
        with pytest.raises(LineageError):
            resolve(wrong, store)


@pytest.mark.slow
def test_folders_are_digested_as_dvc_does(tmp_path):
    import subprocess
    import sys

    from emoflow.lineage.git import committed_md5, disk_md5

    git(tmp_path, "init", "-q")
    for name in ("b/x.py", "b.py", "a.py", "b/é/z.py"):
        (tmp_path / "code" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "code" / name).write_text(f"# {name}\n")
    git(tmp_path, "add", "-A")
    git(tmp_path, "commit", "-qm", "Code")
    (tmp_path / "dvc.yaml").write_text("stages: {one: {cmd: 'true', deps: [code]}}\n")
    for command in (["init", "-q"], ["repro", "-q"]):
        subprocess.run([sys.executable, "-m", "dvc", *command], cwd=tmp_path, check=True, capture_output=True)
    dep = yaml.safe_load((tmp_path / "dvc.lock").read_text())["stages"]["one"]["deps"][0]
    assert dep["md5"] == committed_md5(tmp_path, "code") == disk_md5(tmp_path / "code")
