"""What DVC says the stages are, why one is to run again, and one of them reproduced."""

import os
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest
from emoflow import pipeline
from emoflow.errors import PipelineError

pytestmark = pytest.mark.slow

DVC_YAML = """
stages:
  last:
    cmd: python -c "open('last.txt', 'w').write('1')"
    deps: [a.txt, b.txt]
    outs: [last.txt]
  work:
    matrix:
      corpus: ${corpora}
    cmd: python work.py ${item.corpus}
    params: [mood]
    deps: [first.txt, work.py]
    outs: ["${item.corpus}.txt"]
  first:
    cmd: python -c "open('first.txt', 'w').write('1')"
    outs: [first.txt]
"""

WORK = """
    import sys
    mood = [line.split()[1] for line in open("params.yaml") if line.startswith("mood")][0]
    print("at work with", sys.executable)
    if mood == "bad":
        sys.exit("error: the mood is bad:\\n  set another in params.yaml")
    if mood == "broken":
        print(1 / 0)
    open(f"{sys.argv[1]}.txt", "w").write(mood)
"""


ROOT = Path(__file__).resolve().parent.parent
KILLED = """
import os
from emoflow.files import replacing

with replacing("raw/more") as path:
    path.write_text("half of it")
    os._exit(9)
"""


@pytest.fixture
def project(tmp_path: Path) -> Path:
    (tmp_path / "dvc.yaml").write_text(DVC_YAML)
    (tmp_path / "work.py").write_text(textwrap.dedent(WORK))
    set_mood(tmp_path, "good")
    subprocess.run(["git", "init", "-q"], cwd=tmp_path, check=True)
    subprocess.run([sys.executable, "-m", "dvc", "init", "-q"], cwd=tmp_path, check=True)
    return tmp_path


def set_mood(project: Path, mood: str) -> None:
    (project / "params.yaml").write_text(f"corpora: [b, a]\nmood: {mood}\n")


def reproduce(project: Path, stage: str) -> tuple[pipeline.Outcome, list[str]]:
    lines: list[str] = []
    return pipeline.reproduce(stage, root=project, on_line=lines.append), lines


def test_stages_come_after_what_they_read_whatever_order_the_file_has(project):
    assert pipeline.graph(project) == {
        "first": [],
        "work@b": ["first"],
        "work@a": ["first"],
        "last": ["work@b", "work@a"],
    }
    assert pipeline.stages(project) == ["first", "work@b", "work@a", "last"]


def test_a_tracked_folder_is_no_stage(project):
    (project / "raw").mkdir()
    (project / "raw" / "clip").write_text("sound")
    subprocess.run([sys.executable, "-m", "dvc", "add", "-q", "raw"], cwd=project, check=True)
    text = (project / "dvc.yaml").read_text()
    (project / "dvc.yaml").write_text(text.replace("[first.txt, work.py]", "[first.txt, work.py, raw]"))
    assert pipeline.graph(project)["work@a"] == ["first"]


def test_a_dvc_yaml_that_cannot_be_read_is_told_in_dvcs_words(project):
    (project / "dvc.yaml").write_text("stages: [not, a, mapping]\n")
    with pytest.raises(PipelineError, match=r"dvc\.yaml' validation failed"):
        pipeline.stages(project)


def test_upstream_is_always_checked():
    assert pipeline.command("work@a")[1:] == ["repro", "work@a"]


def test_a_stage_ran_then_is_unchanged_then_comes_from_the_cache(project):
    outcome, lines = reproduce(project, "work@a")
    assert (outcome.stage, outcome.how, outcome.why) == ("work@a", "ran", ("never ran here",))
    assert outcome.seconds > 0
    assert f"at work with {Path(sys.executable).parent / 'python'}" in lines

    assert reproduce(project, "work@a")[0].how == "unchanged"
    assert pipeline.why("work@a", project) == ()

    set_mood(project, "better")
    assert pipeline.why("work@a", project) == ("params.yaml: mood modified",)
    assert reproduce(project, "work@a")[0].how == "ran"

    (project / "a.txt").unlink()
    assert pipeline.why("work@a", project) == ("outputs missing",)

    set_mood(project, "good")
    cached, _ = reproduce(project, "work@a")
    assert (cached.how, cached.why) == ("cached", ("outputs missing", "params.yaml: mood modified"))
    assert (project / "a.txt").read_text() == "good"


def test_what_a_stage_upstream_did_is_not_taken_for_its_own(project):
    reproduce(project, "work@a")
    (project / "first.txt").unlink()
    outcome, lines = reproduce(project, "work@a")
    assert "Running stage 'first':" in lines
    assert outcome.how == "unchanged"


def test_a_failure_says_the_stages_own_error(project):
    set_mood(project, "bad")
    with pytest.raises(PipelineError) as failure:
        reproduce(project, "work@b")
    title, *words = str(failure.value).splitlines()
    assert title == "work@b failed (dvc exited with 255):"
    assert words[:2] == ["error: the mood is bad:", "  set another in params.yaml"]


def test_a_failure_without_a_message_says_the_last_lines(project):
    set_mood(project, "broken")
    with pytest.raises(PipelineError, match="ZeroDivisionError: division by zero"):
        reproduce(project, "work@b")


def test_the_environment_puts_this_interpreter_first():
    assert pipeline.environment()["PATH"].split(os.pathsep)[0] == str(Path(sys.executable).parent)


def test_what_a_killed_stage_was_writing_makes_nothing_stale(project):
    (project / ".dvcignore").write_text((ROOT / ".dvcignore").read_text())
    (project / "raw").mkdir()
    (project / "raw" / "clip").write_text("sound")
    text = (project / "dvc.yaml").read_text()
    (project / "dvc.yaml").write_text(text.replace("[first.txt, work.py]", "[first.txt, work.py, raw]"))
    reproduce(project, "work@a")
    importing = {**os.environ, "PYTHONPATH": str(ROOT)}
    done = subprocess.run([sys.executable, "-c", KILLED], cwd=project, check=False, env=importing)
    assert done.returncode == 9
    assert len(list((project / "raw").iterdir())) == 2
    assert pipeline.why("work@a", project) == ()


@pytest.fixture
def asked(monkeypatch) -> list[tuple[str, ...]]:
    """What DVC is asked for, command by command, while it answers as ever."""
    asked = []
    ask, run_group = pipeline._ask, pipeline.run_group

    def asking(root, *arguments):
        asked.append(arguments)
        return ask(root, *arguments)

    def running(command, **how):
        asked.append(tuple(command[1:]))
        return run_group(command, **how)

    monkeypatch.setattr(pipeline, "_ask", asking)
    monkeypatch.setattr(pipeline, "run_group", running)
    return asked


def reproduce_all(project: Path) -> dict[str, pipeline.Outcome]:
    whole = pipeline.Pipeline(project)
    return {name: whole.reproduce(name, on_line=lambda line: None) for name in whole.graph}


def how(outcomes: dict[str, pipeline.Outcome]) -> dict[str, str]:
    return {name: outcome.how for name, outcome in outcomes.items()}


STAGES = ("first", "work@b", "work@a", "last")


def test_a_pipeline_without_changes_asks_dvc_once(project, asked):
    assert how(reproduce_all(project)) == dict.fromkeys(STAGES, "ran")
    asked.clear()
    assert how(reproduce_all(project)) == dict.fromkeys(STAGES, "unchanged")
    assert sorted(asked) == [("dag", "--dot"), ("status", "--json")]


def test_what_a_changed_stage_rewrites_is_read_anew_downstream(project):
    reproduce_all(project)
    set_mood(project, "better")
    outcomes = reproduce_all(project)
    assert how(outcomes) == {"first": "unchanged", "work@b": "ran", "work@a": "ran", "last": "ran"}
    assert outcomes["work@a"].why == ("params.yaml: mood modified",)
    assert outcomes["last"].why == ("a.txt modified", "b.txt modified")


def test_a_stage_that_always_runs_and_writes_the_same_leaves_the_others_alone(project, asked):
    text = (project / "dvc.yaml").read_text()
    (project / "dvc.yaml").write_text(text + "    always_changed: true\n")
    reproduce_all(project)
    asked.clear()
    outcomes = reproduce_all(project)
    assert how(outcomes) == dict.fromkeys(STAGES, "unchanged") | {"first": "ran"}
    assert outcomes["first"].why == ("always changed",)
    assert ("repro", "first") in asked and len(asked) == 3


def test_an_output_that_is_gone_is_brought_back(project):
    reproduce_all(project)
    (project / "first.txt").unlink()
    (project / "last.txt").unlink()
    outcomes = reproduce_all(project)
    assert {name for name in outcomes if outcomes[name].how != "unchanged"} == {"first", "last"}
    assert (project / "first.txt").is_file() and (project / "last.txt").is_file()


def test_tracked_data_that_differs_from_its_record_is_checked_by_dvc(project, asked):
    def track(content: str) -> str:
        (project / "raw" / "clip").write_text(content)
        subprocess.run([sys.executable, "-m", "dvc", "add", "-q", "raw"], cwd=project, check=True)
        return (project / "raw.dvc").read_text()

    (project / "raw").mkdir()
    record = track("sound")
    text = (project / "dvc.yaml").read_text()
    (project / "dvc.yaml").write_text(text.replace("[first.txt, work.py]", "[first.txt, work.py, raw]"))
    reproduce_all(project)
    track("another sound")
    (project / "raw" / "clip").write_text("sound")
    asked.clear()
    reproduce_all(project)  # the stages' own deps are as they were; DVC then records the data as they are
    assert ("repro", "work@a") in asked
    assert (project / "raw.dvc").read_text() == record
