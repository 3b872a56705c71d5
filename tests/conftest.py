"""What several rooms' tests share: the real recordings, and an environment that no test leaks into."""

import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any, NoReturn

import emoflow  # noqa: F401  (switches telemetry off before anything else is imported)
import hypothesis
import pytest
from xdist.scheduler import LoadFileScheduling

# A shell that starts a job in the background has it ignore Ctrl-C, and a child inherits that; the tests send it.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)

# Ray's workers give way to everything else on the machine, here to the other half of the tests.
os.environ.setdefault("RAY_worker_niceness", "0")

# Speed is no business of a test: a busy machine must not fail one.
hypothesis.settings.register_profile("emoflow", deadline=None)
hypothesis.settings.load_profile("emoflow")

ROOT = Path(__file__).resolve().parent.parent


def required() -> set[str]:
    """What must be there, so that a test without it fails instead of being skipped.

    EMOFLOW_REQUIRE names it: corpora, postgresql, chromium, encoders, gpu. In CI it is the first two at least.
    """
    stated = {name for name in os.environ.get("EMOFLOW_REQUIRE", "").split(",") if name}
    return stated | ({"corpora", "postgresql"} if os.environ.get("CI") == "true" else set())


def absent(what: str, reason: str) -> NoReturn:
    """Skip the test for want of ``what``, or fail it where that is required."""
    if what in required():
        pytest.fail(f"{reason} ({what} is required here by EMOFLOW_REQUIRE or CI)", pytrace=False)
    pytest.skip(reason)


STARTS_RAY = {
    "tests/encoders/test_cluster_extraction.py",
    "tests/integration/test_line.py",
    "tests/search/test_cluster.py",
    "tests/search/test_shared_features.py",
    "tests/stages/test_search_stage.py",
}


APART = {"tests/fusion/test_planted_truth.py"}
"""Long files whose tests share only what is made for one parameter: a worker has all tests of a parameter."""

LONGEST_FIRST = (
    "tests/integration/test_line.py",
    "tests/fusion/test_planted_truth.py",
    "tests/registry/test_server.py",
    "tests/integration/test_prefect_server.py",
    "tests/synthesis/test_recordings.py",
    "tests/registry/test_publish.py",
    "tests/stages/test_train_stage.py",
    "tests/test_pipeline.py",
    "tests/test_python_api.py",
    "tests/integration/test_wheel.py",
    "tests/encoders/test_long_recordings.py",
)
"""What takes minutes begins first, so that the workers end together."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    places = {file: place for place, file in enumerate(LONGEST_FIRST)}
    items.sort(key=lambda item: places.get(item.nodeid.partition("::")[0], len(places)))


class ByFile(LoadFileScheduling):
    """``--dist loadfile``, with one worker for all files that start Ray.

    The tests of a file share its servers and workspaces, and two Ray clusters on two cores would only wait for one
    another. Marks of ``xdist_group`` say the same, but pytest-xdist 3.8 does not see them with pytest 9.2.
    """

    def _split_scope(self, nodeid: str) -> str:
        file = super()._split_scope(nodeid)
        if file in APART:
            return file + nodeid[nodeid.find("[") :]
        return "ray" if file in STARTS_RAY else file


def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> LoadFileScheduling | None:
    return ByFile(config, log) if config.getoption("dist") == "loadfile" else None


@pytest.fixture(scope="session")
def corpora() -> Path:
    """The folder of real recordings; where it is absent, `absent` decides what becomes of the test."""
    folder = Path(os.environ.get("EMOFLOW_CORPORA", ROOT.parent / "shared" / "corpora"))
    if not folder.is_dir():
        absent("corpora", f"no real recordings at {folder}: set EMOFLOW_CORPORA to where they are")
    return folder.resolve()


@pytest.fixture(scope="session")
def landmark_model(corpora: Path) -> Path:
    """MediaPipe's Face Landmarker bundle, which lies beside the recordings."""
    path = corpora.parent / "models" / "face_landmarker.task"
    if not path.is_file():
        absent("corpora", f"no landmark model at {path}")
    return path


@pytest.fixture(scope="session")
def fetched_encoders():
    """A function: the folder of pre-trained encoders, once a model has been fetched into it from the registry."""
    folder = Path(os.environ.get("EMOFLOW_ENCODERS", ROOT / ".emoflow" / "encoders")).resolve()

    def holding(name: str) -> Path:
        if not (folder / name).is_dir():
            command = [Path(sys.executable).with_name("emoflow"), "encoders", "fetch", name]
            environment = os.environ | {"EMOFLOW_ENCODERS": str(folder)}
            ended = subprocess.run(command, env=environment, text=True, capture_output=True)
            if ended.returncode:
                absent("encoders", f"{name} cannot be fetched: {ended.stderr.strip().splitlines()[-1]}")
        return folder

    return holding


@pytest.fixture(scope="session")
def searched(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The small planted experiment, whose search nothing disturbed."""
    from planted_experiment import finish, lay_out, start

    root = tmp_path_factory.mktemp("searched")
    lay_out(root)
    finish(start(root))
    return root


@pytest.fixture(scope="session")
def ravdess_wavs(corpora: Path, tmp_path_factory: pytest.TempPathFactory):
    """A function: actor numbers → a folder with these actors' 60 clips each as wav, in RAVDESS's own layout."""
    import soundfile

    folders: dict[tuple[int, ...], Path] = {}

    def unpack(*actors: int) -> Path:
        if actors not in folders:
            folder = tmp_path_factory.mktemp("ravdess")
            for actor in actors:
                (folder / f"Actor_{actor:02}").mkdir()
                for flac in sorted((corpora / "ravdess" / f"Actor_{actor:02}").glob("*.flac")):
                    samples, rate = soundfile.read(flac, dtype="int16")
                    soundfile.write(
                        folder / flac.parent.name / f"{flac.stem}.wav", samples, rate, subtype="PCM_16"
                    )
            folders[actors] = folder
        return folders[actors]

    return unpack


@pytest.fixture(autouse=True)
def _own_environment(monkeypatch: pytest.MonkeyPatch):
    """No test sees the user's servers, and none writes to them."""
    for name in (
        "MLFLOW_TRACKING_URI",
        "PREFECT_API_URL",
        "RAY_ADDRESS",
        "EMOFLOW_LINEAGE_URI",
        "EMOFLOW_CACHE",
        "EMOFLOW_ENCODERS",
    ):
        monkeypatch.delenv(name, raising=False)
