"""Each fault is found, and its fix is named."""

import http.server
import io
import socket
import subprocess
import threading
from pathlib import Path

import pytest
import yaml
from emoflow import doctor, params, settings
from emoflow.doctor import Check
from emoflow.errors import SettingsError
from rich.console import Console

ROOT = Path(__file__).resolve().parent.parent


@pytest.fixture
def server():
    """An address on loopback that answers 200 for /health and /api/health alone."""

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self):
            self.send_response(200 if self.path in ("/health", "/api/health") else 404)
            self.end_headers()
            self.wfile.write(b"OK")

        def log_message(self, *_):
            pass

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
        yield f"http://127.0.0.1:{server.server_address[1]}"
        server.shutdown()


@pytest.fixture
def silent_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def assert_fails(check: Check, found: str, fix: str):
    assert not check.ok
    assert found in check.found
    assert fix in check.fix


def test_a_folder_that_is_no_workspace_is_checked_for_the_machine_alone(tmp_path):
    found = {check.name: check for check in doctor.checks(tmp_path)}
    assert "none here" in found["workspace"].found and found["workspace"].fix
    assert not {"git", "DVC", "params.yaml"} & set(found)
    assert [name for name, check in found.items() if not check.ok] == []


def test_a_bare_workspace_lacks_git_dvc_and_its_corpus_and_each_has_a_fix(tmp_path):
    (tmp_path / "params.yaml").write_text((ROOT / "params.yaml").read_text())
    found = {check.name: check for check in doctor.checks(tmp_path)}
    assert {name for name, check in found.items() if not check.ok} == {"git", "DVC", "corpus control"}
    assert all(check.fix for check in found.values() if not check.ok)
    assert found["Python"].ok and found["device"].ok and found["espeak-ng"].ok


def clone(root: Path) -> Path:
    (root / "components").mkdir(parents=True)
    (root / "components" / "__init__.py").touch()
    return root


def test_in_a_clone_versions_are_compared_with_the_lock_without_local_labels(tmp_path):
    lock = clone(tmp_path) / "requirements.lock"
    assert_fails(doctor.packages(tmp_path), "no requirements.lock", "git checkout requirements.lock")
    lock.write_text("# why\ntorch==2.13.0\npytest==0.1\nno-such-package==1.0\n")
    check = doctor.packages(tmp_path)
    assert_fails(check, "no-such-package missing, not 1.0", "make install")
    assert "pytest" in check.found and "not 0.1" in check.found
    assert "torch" not in check.found
    lock.write_text("torch==2.13.0\n")
    assert doctor.packages(tmp_path) == Check("packages", True, "1, as in requirements.lock")


def test_elsewhere_versions_are_compared_with_what_the_installed_distribution_requires(tmp_path, monkeypatch):
    (tmp_path / "requirements.lock").write_text("torch==0.1\n")  # another project's
    check = doctor.packages(tmp_path)
    assert check.ok and "emoflow's own requirements" in check.found
    assert int(check.found.partition(",")[0]) > 20
    wheel = tmp_path / "site" / "emoflow_like-1.0.dist-info"
    wheel.mkdir(parents=True)
    (wheel / "METADATA").write_text(
        "Metadata-Version: 2.4\nName: emoflow-like\nVersion: 1.0\nRequires-Dist: ray[tune]==0.1\n"
        'Requires-Dist: no-such-package==1; extra == "dev"\n'
    )
    monkeypatch.syspath_prepend(tmp_path / "site")
    monkeypatch.setattr(doctor, "DISTRIBUTION", "emoflow-like")
    check = doctor.packages(tmp_path)
    assert_fails(check, "ray 2.60.0, not 0.1", "reinstall")
    assert "no-such-package" not in check.found
    monkeypatch.setattr(doctor, "DISTRIBUTION", "not-installed-at-all")
    assert_fails(doctor.packages(tmp_path), "not installed", "install")
    assert_fails(doctor.code(tmp_path), "not installed", "install")


def test_code_of_another_clone_is_noticed(tmp_path):
    assert doctor.code(ROOT).ok
    assert doctor.code(tmp_path).ok
    assert_fails(doctor.code(clone(tmp_path / "other")), f"runs from {ROOT / 'components'}", "make install")


def test_a_repository_without_a_commit_is_told(tmp_path):
    subprocess.run(["git", "init", "-q"], cwd=tmp_path, check=True)
    assert_fails(doctor.git(tmp_path), "no commit", "git commit")
    who = ["-c", "user.name=a", "-c", "user.email=a@b"]
    subprocess.run(["git", *who, "commit", "-q", "--allow-empty", "-m", "x"], cwd=tmp_path, check=True)
    assert doctor.git(tmp_path).ok


def test_a_folder_that_cannot_be_written_is_told(tmp_path):
    assert_fails(doctor.writable(tmp_path / "away"), "away", "write access")
    assert doctor.writable(tmp_path).ok


def test_a_full_disk_is_told(tmp_path, monkeypatch):
    monkeypatch.setattr(doctor, "DISK_GB", 1e9)
    assert_fails(doctor.disk(tmp_path), "GB free", "EMOFLOW_CACHE")


def test_a_missing_corpus_gets_the_command_that_brings_it(tmp_path):
    experiment = params.load(ROOT / "params.yaml").model_copy(update={"corpora": ["control", "ravdess"]})
    control, ravdess = doctor.corpora(tmp_path, experiment)
    assert_fails(control, "not in data/raw/control", "emoflow corpora synthesise control")
    assert_fails(ravdess, "not in data/raw/ravdess", "emoflow corpora add ravdess DIR")
    (tmp_path / "data" / "raw" / "control" / "clip").mkdir(parents=True)
    assert next(doctor.corpora(tmp_path, experiment)).ok
    (tmp_path / "data" / "raw" / "ravdess.dvc").touch()
    _, ravdess = doctor.corpora(tmp_path, experiment)
    assert_fails(ravdess, "tracked", "dvc pull data/raw/ravdess.dvc")


def test_wrong_params_and_a_wrong_environment_are_findings_too(tmp_path, monkeypatch):
    text = (ROOT / "params.yaml").read_text().replace("[control]", "[nobody knows it]")
    (tmp_path / "params.yaml").write_text(text)
    monkeypatch.setenv("EMOFLOW_DEVICE", "abacus")
    found = {check.name: check for check in doctor.checks(tmp_path)}
    assert_fails(found["params.yaml"], "nobody knows it", "params.yaml")
    assert_fails(found["environment"], "EMOFLOW_DEVICE is 'abacus'", "correct that variable")


def test_the_landmark_model_is_missed_only_by_who_needs_it(tmp_path):
    path = tmp_path / "face_landmarker.task"
    assert doctor.landmark_model(path, needed=False).ok
    assert_fails(doctor.landmark_model(path, needed=True), str(path), "emoflow assets add face-landmarker")
    path.write_bytes(b"another model")
    assert not doctor.landmark_model(path, needed=False).ok


def test_a_stated_encoder_that_is_absent_is_found_with_its_command(tmp_path, monkeypatch):
    held = yaml.safe_load((ROOT / "params.yaml").read_text())
    held["features"]["audio"]["encoders"] = [
        "egemaps",
        {"hf": "owner/there"},
        {"hf": "owner/there", "layers": 1},
    ]
    held["features"]["text"] |= {
        "encoders": [{"hf": "owner/absent"}],
        "from": "asr",
        "model": "owner/whisper",
    }
    (tmp_path / "params.yaml").write_text(yaml.safe_dump(held))
    there = tmp_path / "encoders" / "owner" / "there"
    there.mkdir(parents=True)
    for name in ("config.json", "model.safetensors"):
        (there / name).write_text("{}")
    monkeypatch.setenv("EMOFLOW_ENCODERS", str(tmp_path / "encoders"))
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path / "hub"))
    found = {check.name: check for check in doctor.checks(tmp_path)}
    assert found["encoder owner/there"].ok and str(there) in found["encoder owner/there"].found
    assert_fails(found["encoder owner/absent"], "is not here", "emoflow encoders fetch owner/absent")
    assert_fails(found["encoder owner/whisper"], "is not here", "emoflow encoders fetch owner/whisper")
    held["modalities"] = ["audio"]
    (tmp_path / "params.yaml").write_text(yaml.safe_dump(held))
    names = {check.name for check in doctor.checks(tmp_path)}
    assert not names & {"encoder owner/absent", "encoder owner/whisper"}


def test_a_misspelt_name_is_found_before_a_corpus_is_there(tmp_path):
    held = yaml.safe_load((ROOT / "params.yaml").read_text())
    for changes, said in (({}, ""), ({"protocol": "kfld4"}, "did you mean 'kfold<k>'")):
        (tmp_path / "params.yaml").write_text(yaml.safe_dump(held | changes))
        check = next(each for each in doctor.checks(tmp_path) if each.name == "names")
        assert check.ok is not bool(said)
        assert said in check.found and check.fix == ("correct it in params.yaml" if said else "")


@pytest.mark.parametrize(
    ("cuda", "cards", "wanted", "ok"),
    [
        ("None", 0, "auto", True),
        ("None", 0, "cuda", False),
        ("'12.8'", 1, "cuda", True),
        ("'12.8'", 0, "cuda", False),
        ("None", 2, "cuda", False),
        ("None", 2, "auto", True),
    ],
)
def test_the_device_asked_for_is_there(tmp_path, monkeypatch, cuda, cards, wanted, ok):
    (tmp_path / "version.py").write_text(f"cuda: Optional[str] = {cuda}\nhip: Optional[str] = '6.0'\n")
    gpus = tmp_path / "gpus"
    for number in range(cards):
        (gpus / str(number)).mkdir(parents=True)
    spec = type("Spec", (), {"origin": str(tmp_path / "__init__.py")})
    monkeypatch.setattr(doctor.importlib.util, "find_spec", lambda name: spec)
    monkeypatch.setattr(doctor, "GPUS", gpus)
    check = doctor.device(wanted)
    assert check.ok == ok
    assert bool(check.fix) == (not ok or (cards > 0 and cuda == "None"))


def test_mlflow_by_server_and_by_file(tmp_path, server, silent_port):
    assert doctor.mlflow(server, tmp_path).ok
    away = f"http://user:secret@127.0.0.1:{silent_port}"
    check = doctor.mlflow(away, tmp_path)
    assert_fails(check, "refused", "MLFLOW_TRACKING_URI")
    assert "secret" not in check.found
    assert_fails(
        doctor.mlflow(f"postgresql://u:p@127.0.0.1:{silent_port}/mlflow", tmp_path), "refused", "emoflow ui"
    )
    assert doctor.mlflow("sqlite:///mlflow.db", tmp_path).ok
    assert not doctor.mlflow("sqlite:///nowhere/mlflow.db", tmp_path).ok


def test_prefect_is_asked_where_an_address_is_set(server, silent_port):
    assert doctor.prefect(None).ok
    assert doctor.prefect(f"{server}/api").ok
    assert_fails(doctor.prefect(f"{server}/no-api"), "404", "PREFECT_API_URL")
    assert_fails(doctor.prefect(f"http://127.0.0.1:{silent_port}/api"), "refused", "emoflow ui")
    assert not doctor.prefect("not an address").ok


def test_ray_by_address(server, silent_port):
    assert doctor.ray(None).ok
    assert doctor.ray(server.removeprefix("http://")).ok
    assert_fails(doctor.ray(f"127.0.0.1:{silent_port}"), "refused", "RAY_ADDRESS")
    assert_fails(doctor.ray("ray://head:10001"), "ray://head", "RAY_ADDRESS")
    assert not doctor.ray("head-without-a-port").ok


def test_what_nodes_share_is_a_folder_that_can_be_written_or_answers(
    tmp_path, server, silent_port, monkeypatch
):
    assert doctor.shared(str(tmp_path)).ok
    assert_fails(doctor.shared(str(tmp_path / "none")), "is not a folder", "EMOFLOW_SHARED")
    monkeypatch.setenv("AWS_ENDPOINT_URL", server)
    assert doctor.shared("s3://bucket/prefix").ok
    monkeypatch.setenv("AWS_ENDPOINT_URL", f"http://127.0.0.1:{silent_port}")
    assert_fails(doctor.shared("s3://bucket/prefix"), "refused", "AWS_ENDPOINT_URL")
    monkeypatch.setenv("AWS_ENDPOINT_URL_S3", "minio:9000")
    assert_fails(doctor.shared("s3://bucket/prefix"), "minio:9000 is not an address", "AWS_ENDPOINT_URL_S3")
    monkeypatch.setenv("EMOFLOW_SHARED", str(tmp_path))
    assert "shared" in {check.name for check in doctor.checks(tmp_path)}


def test_the_table_shows_finding_and_fix():
    console = Console(width=100, file=io.StringIO())
    console.print(doctor.table([Check("disk", False, "0 [GB] free", "free some"), Check("git", True, "yes")]))
    assert console.file.getvalue().split() == [
        "✗",
        "disk",
        "0",
        "[GB]",
        "free",
        "→",
        "free",
        "some",
        "✓",
        "git",
        "yes",
    ]


def test_settings_name_the_variable_and_what_it_held(monkeypatch):
    monkeypatch.setenv("EMOFLOW_WORKERS", "many")
    with pytest.raises(SettingsError, match="EMOFLOW_WORKERS is 'many'"):
        settings.load()


def test_worktrees_that_share_a_repository_are_named(tmp_path):
    alone = tmp_path / "alone"
    git = ["git", "-C", str(alone), "-c", "user.name=t", "-c", "user.email=t@t"]
    subprocess.run(["git", "init", "-q", str(alone)], check=True)
    subprocess.run([*git, "commit", "-q", "--allow-empty", "-m", "start"], check=True)
    assert doctor.git(alone).fix == ""
    subprocess.run([*git, "worktree", "add", "-q", str(tmp_path / "beside")], check=True)
    for root in (alone, tmp_path / "beside"):
        check = doctor.git(root)
        assert check.ok
        assert "2 worktrees share the repository" in check.found
        assert "dvc exp run" in check.fix
