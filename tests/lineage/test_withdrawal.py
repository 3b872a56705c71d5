"""What a withdrawal leaves to do: whose recordings a folder holds, and the steps for what is known."""

import shlex
from pathlib import Path, PurePosixPath

import pandas as pd
from emoflow.lineage.speakers import Heard
from emoflow.lineage.withdrawal import Files, files_of, plan
from hypothesis import given
from hypothesis import strategies as st


def table(*rows: tuple[str | None, str | None, str | None]) -> pd.DataFrame:
    return pd.DataFrame(list(rows), columns=["speaker", "audio", "video"])


def steps(files: Files | None, *heard: Heard) -> dict[str, list[str]]:
    where = {"cache": Path(".emoflow/cache"), "tracking_uri": "sqlite:///mlflow.db"}
    return {step.what: step.lines for step in plan("c/1", files=files, heard=heard, **where)}


def test_a_folder_of_one_speaker_stands_for_its_files_and_shared_recordings_are_told_apart():
    found = files_of(
        table(
            ("c/1", "all/Actor 1/a.wav", None),
            ("c/1", "all/Actor 1/deep/b.wav", "films/x.mp4"),
            ("c/1", "meeting.wav#t=0,2", None),
            ("c/1", "alone.wav", None),
            ("c/2", "all/Actor 2/a.wav", "films/y.mp4"),
            (None, "meeting.wav#t=2,4", None),
        ),
        "c/1",
    )
    assert found == Files(["all/Actor 1", "alone.wav", "films/x.mp4"], ["meeting.wav"])


@given(
    st.lists(
        st.tuples(
            st.sampled_from(["c/1", "c/2", None]),
            st.lists(st.sampled_from("abc"), min_size=1, max_size=3).map(
                lambda parts: "/".join(parts) + ".wav"
            ),
        ),
        max_size=12,
    )
)
def test_nothing_of_the_speaker_is_left_out_and_nothing_of_others_is_taken(rows):
    found = files_of(table(*((speaker, path, None) for speaker, path in rows)), "c/1")
    mine = {path for speaker, path in rows if speaker == "c/1"}
    others = {path for speaker, path in rows if speaker != "c/1"}

    def taken(path: str) -> bool:
        return any(PurePosixPath(path).is_relative_to(each) for each in found.alone)

    assert not any(taken(path) for path in others)
    assert all(taken(path) != (path in found.shared) for path in mine)
    assert set(found.shared) == mine & others


def test_the_steps_hold_for_what_is_known():
    learned = Heard("emotion-x", 3, True, {"train": 4, "test": 1})
    scored = Heard("emotion-x", 2, False, {"test": 5})
    assert (learned.learned, scored.learned) == (True, False)
    found = steps(Files(["Actor 1"], ["meeting.wav"]), learned, scored)
    commands = [line for lines in found.values() for line in lines]
    assert shlex.split(commands[0]) == ["rm", "-r", "data/raw/c/Actor 1"]
    assert commands[1:6] == [
        "data/raw/c/meeting.wav",
        "dvc add data/raw/c",
        "git commit -m 'Take out a speaker' data/raw/c.dvc",
        "dvc repro",
        "emoflow publish",
    ]
    assert any(what.endswith("until then emotion-x/3 stays champion") for what in found)
    deleting = [line for line in commands if "delete_model_version" in line]
    assert len(deleting) == 1 and "'emotion-x', '3'" in deleting[0]
    compile(shlex.split(deleting[0])[2], "step", "exec")

    in_no_model = [line for lines in steps(None, scored).values() for line in lines]
    assert "dvc repro" in in_no_model
    assert not [line for line in in_no_model if line.startswith(("rm -r ", "emoflow", "mlflow"))]
    assert any("names no recording" in what for what in steps(Files([], [])))
