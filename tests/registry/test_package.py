"""What is packed: all that inference imports, nothing else, under a name of its own."""

import subprocess
import sys

import pytest
from emoflow.encoders import make
from emoflow.errors import RegistryError
from emoflow.registry.closure import ENTRY, closure, requirements
from emoflow.registry.package import _needed_by, pack
from standin_experiment import experiment


@pytest.fixture(scope="module")
def root(tmp_path_factory):
    return experiment(tmp_path_factory.mktemp("package") / "project")


def test_the_closure_is_inference_and_nothing_else():
    found = closure(ENTRY)
    rooms = {path.split("/")[0].removesuffix(".py") for path in found.modules}
    assert rooms <= {
        "artifacts",
        "content_cache",
        "encoders",
        "errors",
        "files",
        "fusion",
        "media",
        "registry",
        "schema",
        "progress",
    }
    assert {path for path in found.modules if path.startswith("registry/")} == {
        "registry/inference.py",
        "registry/pyfunc.py",
    }
    assert "media/audio.py" in found.modules  # imported by a name that is held as text
    networks = {
        "encoders/networks/ge2e.py",
        "encoders/networks/face_expression.py",
        "encoders/av_hubert/network.py",
    }
    assert networks <= set(found.modules)
    heavy = {
        "prefect",
        "ray",
        "dvc",
        "great_expectations",
        "sqlalchemy",
        "fastapi",
        "boto3",
        "typer",
        "matplotlib",
    }
    assert not found.imported() & heavy


def test_requirements_are_exact_and_only_what_this_model_runs(root, tmp_path):
    package = pack(root / "data" / "model", tmp_path)
    names = {line.partition("==")[0] for line in package.requirements}
    assert {
        "torch",
        "numpy",
        "safetensors",
        "mlflow",
        "pandas",
        "soundfile",
        "soxr",
        "av",
    } <= names
    assert not names & {"mediapipe", "opensmile", "prefect", "ray"}
    assert all("==" in line and "+" not in line for line in package.requirements)


def test_only_a_model_that_runs_mediapipe_needs_it():
    needed = closure(ENTRY)
    for stated, parameters, runs in (
        (["egemaps"], {}, False),
        (["appearance"], {"frames": 4, "track": "cascade"}, False),
        (["appearance"], {"frames": 4, "track": "mediapipe"}, True),
        (["landmarks"], {"frames": 4}, True),
    ):
        assert ("mediapipe" in _needed_by(needed, make(stated, parameters))) == runs


def test_the_name_follows_what_is_in_it(root, tmp_path):
    model = root / "data" / "model"
    one, again = pack(model, tmp_path / "1"), pack(model, tmp_path / "2")
    assert one.name == again.name
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "model.json").write_bytes((model / "model.json").read_bytes())
    (tmp_path / "other" / "weights.safetensors").write_bytes(b"others")
    assert pack(tmp_path / "other", tmp_path / "3").name != one.name


@pytest.mark.slow
def test_it_runs_without_this_repository_beside_a_package_named_emoflow(root, tmp_path):
    package = pack(root / "data" / "model", tmp_path / "packed")
    beside = package.code.parent
    (beside / "emoflow").mkdir()
    (beside / "emoflow" / "__init__.py").write_text("MINE = True\n")
    code = (
        "import sys; sys.path.insert(0, sys.argv[1]); import emoflow; assert emoflow.MINE\n"
        "import importlib, pandas\n"
        "inference = importlib.import_module(sys.argv[2] + '.registry.inference')\n"
        "found = inference.Predictor(sys.argv[3]).table(pandas.DataFrame({'text': ['hello there']}))\n"
        "assert found['modalities_used'][0] == 'text', found\n"
        "assert not [name for name in sys.modules if name.startswith('emoflow.')]\n"
    )
    arguments = [str(beside), package.name, str(package.model)]
    done = subprocess.run(
        [sys.executable, "-I", "-c", code, *arguments],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr


def test_what_is_missing_is_named(root, tmp_path):
    with pytest.raises(RegistryError, match="dvc repro"):
        pack(tmp_path / "nowhere", tmp_path / "out")
    with pytest.raises(RegistryError, match="no installed distribution"):
        requirements({"a_module_of_nobody"})


def test_an_import_by_full_name_is_refused(tmp_path):
    folder = tmp_path / "emoflow"
    folder.mkdir()
    (folder / "a.py").write_text("from emoflow.b import c\n")
    with pytest.raises(RegistryError, match="must be relative"):
        closure("a.py", source=folder)
