"""Published checkpoints of AV-HuBERT: their tensors are read, nothing that they name is run."""

import argparse
import json
import os
import pickle
import sys
from hashlib import sha256
from types import ModuleType
from typing import Any

import pytest
import torch
from emoflow.api import encoders
from emoflow.cli import app
from emoflow.encoders import installed
from emoflow.encoders.av_hubert.configuration import AvHubertConfig
from emoflow.encoders.av_hubert.network import AvHubert
from emoflow.encoders.conversion.av_hubert import LICENCE, convert
from emoflow.errors import EncoderError
from typer.testing import CliRunner

SIZES = {"hidden_size": 128, "num_attention_heads": 2, "num_hidden_layers": 2, "video_blocks": (1, 2, 1, 1)}
"""Of heads of 64 dimensions each, as published models have them."""


@pytest.fixture(scope="module")
def network() -> AvHubert:
    torch.manual_seed(3)
    return AvHubert(AvHubertConfig.tiny(**SIZES)).eval()


class Dictionary:
    """fairseq's, of a task; its module is there only while a checkpoint is written."""

    def __init__(self):
        self.symbols, self.indices = ["<s>", "<pad>"], {"<s>": 0, "<pad>": 1}


Dictionary.__module__ = "fairseq.data.dictionary"


@pytest.fixture
def written(tmp_path):
    """A function: weights → the checkpoint that fairseq writes of them."""

    def write(weights, *, name="base_lrs3_iter5.pt", **others):
        held = {
            "args": None,
            "cfg": {"model": argparse.Namespace(layers=12, kind=Any), "task": {"sample_rate": 25}},
            "model": weights,
            "task_state": {"dictionaries": [Dictionary()]},
            "last_optimizer_state": {"state": {0: {"exp_avg": torch.zeros(3)}}},
        }
        with pytest.MonkeyPatch.context() as patch:
            for module in ("fairseq", "fairseq.data", "fairseq.data.dictionary"):
                patch.setitem(sys.modules, module, ModuleType(module))
            sys.modules["fairseq.data.dictionary"].Dictionary = Dictionary
            torch.save(held | others, tmp_path / name)
        return tmp_path / name

    return write


def pretrained(network):
    """All weights of a pre-training checkpoint, as fairseq names them."""
    return network.state_dict() | {
        "mask_emb": torch.zeros(104),
        "final_proj.weight": torch.zeros(256, 128),
        "final_proj.bias": torch.zeros(256),
        "label_embs_concat": torch.zeros(2004, 256),
    }


def fine_tuned(network):
    """All weights of a model that was fine-tuned for speech recognition."""
    own = {f"encoder.w2v_model.{name}": each for name, each in pretrained(network).items()}
    return own | {"decoder.embed_tokens.weight": torch.zeros(10, 8), "decoder.version": torch.zeros(1)}


def states(network):
    made = torch.Generator().manual_seed(1)
    audio, video = torch.randn(1, 7, 104, generator=made), torch.randn(1, 7, 88, 88, generator=made)
    with torch.inference_mode():
        return network(audio, video).last_hidden_state


@pytest.mark.parametrize("weights", [pretrained, fine_tuned])
def test_a_checkpoint_gives_what_its_weights_give_where_they_are_loaded_directly(
    weights, network, written, tmp_path
):
    root, said = tmp_path / "encoders", []
    file = written(weights(network))
    about = encoders.add(file, root, name="av", pretrained_on=["LRS3"], say=said.append)
    loaded = AvHubert.from_pretrained(root / "av").eval()
    assert torch.equal(states(loaded), states(network))
    digest = sha256(file.read_bytes()).hexdigest()
    assert about.source == f"base_lrs3_iter5.pt, sha256 {digest}" and about.pretrained_on == ("LRS3",)
    assert about.licence == LICENCE == installed.read(root / "av").licence and "non-commercial" in LICENCE
    held = json.loads((root / "av" / "config.json").read_text())
    assert (held["model_type"], held["hidden_size"], held["num_attention_heads"]) == ("av_hubert", 128, 2)
    assert held["video_blocks"] == [1, 2, 1, 1] and held["position_groups"] == 4 and held["roi"] == "mouth"
    recognises = weights is fine_tuned
    assert (
        any("fine-tuned for speech recognition; its encoder is taken" in each for each in said) == recognises
    )


def test_it_is_added_under_its_own_name_once_and_with_another_licence_where_one_is_stated(
    network, written, tmp_path, monkeypatch
):
    monkeypatch.setenv("EMOFLOW_ENCODERS", str(tmp_path / "encoders"))
    weights = {
        name: each.half() if each.is_floating_point() else each for name, each in pretrained(network).items()
    }
    file = written(weights)
    done = CliRunner().invoke(app, ["encoders", "add", str(file)])
    assert done.exit_code == 0 and "under features, as {av_hubert: base_lrs3_iter5}" in done.output
    again = encoders.add(file, tmp_path / "encoders", licence="by agreement", say=lambda _: None)
    assert (again.name, again.licence) == ("base_lrs3_iter5", "by agreement")
    loaded = AvHubert.from_pretrained(tmp_path / "encoders" / "base_lrs3_iter5")
    assert loaded.dtype == torch.float32 and torch.allclose(states(loaded.eval()), states(network), atol=1e-2)


class WithDictionary:
    """pickle, which runs what a file says, with a stand-in of what fairseq's module has."""

    class Unpickler(pickle.Unpickler):
        def find_class(self, module, name):
            return argparse.Namespace if module.startswith("fairseq") else super().find_class(module, name)


class Touch:
    """What a hostile checkpoint would have run."""

    def __init__(self, path):
        self.path = str(path)

    def __reduce__(self):
        return os.mkdir, (self.path,)


@pytest.mark.parametrize("within", [False, True])
def test_a_hostile_object_is_named_and_not_run(within, network, written, tmp_path):
    victim, before = tmp_path / "victim", torch.serialization.get_safe_globals()
    hostile = argparse.Namespace(inner=Touch(victim)) if within else Touch(victim)
    file = written(pretrained(network), extra_state=hostile)
    with pytest.raises(EncoderError, match=r"base_lrs3_iter5\.pt names (posix|nt)\.mkdir, which is neither"):
        convert(file, tmp_path)
    assert not victim.exists()
    torch.load(file, weights_only=False, pickle_module=WithDictionary)
    assert victim.exists(), "what the file would have done"
    convert(written(pretrained(network)), tmp_path)
    assert set(torch.serialization.get_safe_globals()) == set(before), "nothing stays allowed"


def test_what_is_no_such_checkpoint_is_refused_with_the_reason(network, written, tmp_path):
    def refused(file, said):
        with pytest.raises(EncoderError, match=said):
            encoders.add(file, tmp_path / "encoders", name="av", say=print)
        assert not (tmp_path / "encoders" / "av").exists()

    whole = written(pretrained(network)).read_bytes()
    (tmp_path / "cut.pt").write_bytes(whole[: len(whole) // 2])
    refused(tmp_path / "cut.pt", r"cut\.pt is no checkpoint that torch .* or is cut short")
    (tmp_path / "text.pt").write_text("weights")
    refused(tmp_path / "text.pt", r"text\.pt is no checkpoint that torch")
    torch.save({"weight": torch.zeros(2)}, tmp_path / "other.pt")
    refused(tmp_path / "other.pt", "is no fairseq checkpoint: it has no entry 'model'")
    torch.save({"model": {"encoder.layers.0.fc1.weight": torch.zeros(4, 4)}}, tmp_path / "wav2vec.pt")
    refused(tmp_path / "wav2vec.pt", r"holds no AV-HuBERT: it has no feature_extractor_video.*frontend3D")
    torch.save({"model": [torch.zeros(2)]}, tmp_path / "list.pt")
    refused(tmp_path / "list.pt", "its entry 'model' holds no table of tensors")
    refused(tmp_path / "none.pt", "does not exist")


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"layer_norm.weight": torch.zeros(128)}, r"layer_norm\.weight is \[128\] and should be \[256\]"),
        ({"encoder.layers.2.fc1.weight": torch.zeros(384, 128)}, r"encoder\.layers\.2\.\S+ is missing"),
        ({"feature_extractor_audio.extra": torch.zeros(1)}, r"extra is of another network"),
        ({"encoder.pos_conv.0.weight_v": torch.zeros(128)}, "a weight has too few dimensions"),
        ({"post_extract_proj.weight": None}, "it has no post_extract_proj"),
    ],
)
def test_weights_of_another_shape_are_named(change, said, network, written, tmp_path):
    weights = {name: each for name, each in (pretrained(network) | change).items() if each is not None}
    with pytest.raises(EncoderError, match=said):
        convert(written(weights), tmp_path)
