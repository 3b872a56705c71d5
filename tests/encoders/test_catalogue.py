"""The catalogue of pre-trained encoders: what it states, and what is said of a file that states it wrongly."""

import pytest
import yaml
from emoflow.encoders import catalogue
from emoflow.errors import EncoderError
from emoflow.schema import CORPORA

TINY = {"title": "Tiny", "modality": "text", "hub": {"name": "owner/tiny"}}


@pytest.fixture
def written(tmp_path):
    def write(**keys):
        path = tmp_path / "tiny.yaml"
        path.write_text(yaml.safe_dump({**TINY, **keys}))
        return path

    return write


def test_every_file_can_be_read_and_no_two_are_one_model():
    entries = catalogue.entries()
    assert {entry.modality for entry in entries} == {"audio", "text", "face"}
    hubs = [entry.hub.name for entry in entries if entry.hub]
    digests = [digest for entry in entries for digest in entry.digests()]
    assert len(set(hubs)) == len(hubs) and len(set(digests)) == len(digests)


def test_the_carried_ones_are_there():
    carried = {entry.name for entry in catalogue.entries() if entry.carrier}
    assert carried == {
        "whisper-tiny.en",
        "whisper-base",
        "minilm-l6",
        "dinov2-small",
        "ge2e",
        "face-expression",
    }


def test_corpora_that_emoflow_reads_have_its_names():
    seen = {corpus for entry in catalogue.entries() for corpus in entry.pretrained_on}
    assert not {corpus for corpus in seen - CORPORA.keys() if corpus.lower() in CORPORA}
    assert "iemocap" in seen


def test_an_encoder_is_found_by_either_name_and_by_its_weights():
    entry = catalogue.find("minilm-l6")
    assert catalogue.find(entry.hub.name) == entry
    assert catalogue.known_weights(entry.hub.sha256) == entry
    assert catalogue.find("nothing") is None and catalogue.known_weights("0" * 64) is None


@pytest.mark.parametrize(
    ("misspelt", "meant"),
    [("wisper-tiny", "whisper-tiny.en"), ("hubert-base", "hubert-base-ls960"), ("mine", "mine-2")],
)
def test_the_nearest_name_is_suggested(misspelt, meant):
    assert f"did you mean {meant!r}?" in catalogue.suggestion(misspelt, ("mine-2",))


def test_where_none_is_near_the_list_is_named():
    assert catalogue.suggestion("zzz") == "`emoflow encoders list` shows those that are known"


@pytest.mark.parametrize(
    ("keys", "said"),
    [
        ({"modality": "smell"}, "tiny.yaml: modality: Input should be"),
        ({"license": "MIT"}, "tiny.yaml: license: Extra inputs are not permitted"),
        ({"hub": {"name": "../tiny"}}, "tiny.yaml: hub.name: String should match pattern"),
        ({"hub": {"name": "owner/tiny", "sha256": "12"}}, "tiny.yaml: hub.sha256: "),
        (
            {"hub": {"name": "owner/tiny", "weights": "pytorch_model.bin"}},
            "tiny.yaml: hub: .* is a pickle, and needs a revision",
        ),
        (
            {"carrier": {"packages": {"p": "1"}, "format": "huggingface", "files": []}},
            "tiny.yaml: carrier.files: ",
        ),
        ({"hub": None}, "tiny.yaml: the file: .* neither hub nor carrier is stated"),
    ],
)
def test_an_error_names_file_and_key(written, keys, said):
    with pytest.raises(EncoderError, match=said):
        catalogue.read(written(**keys))


@pytest.mark.parametrize("text", ["title: [", "- a\n- b\n", ""])
def test_what_is_no_mapping_is_refused_by_the_file_s_name(tmp_path, text):
    (tmp_path / "broken.yaml").write_text(text)
    with pytest.raises(EncoderError, match=r"broken\.yaml is not a mapping in YAML"):
        catalogue.read(tmp_path / "broken.yaml")
