"""Converting weights of other formats: the outputs stay the same, and what is broken is refused with its place."""

import json
import struct

import numpy as np
import pytest
import torch
import transformers
from emoflow.encoders.conversion import convert, ctranslate2, onnx, pickled
from emoflow.errors import EncoderError
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

WORDS = {"<|endoftext|>": 20, "<|startoftranscript|>": 21, "<|en|>": 22, "<|fi|>": 23}
WORDS |= {"<|translate|>": 24, "<|transcribe|>": 25, "<|startofprev|>": 26, "<|notimestamps|>": 27}


def tiny_whisper():
    torch.manual_seed(0)
    config = transformers.WhisperConfig(
        vocab_size=30,
        d_model=16,
        num_mel_bins=8,
        encoder_layers=2,
        decoder_layers=1,
        encoder_attention_heads=2,
        decoder_attention_heads=4,
        encoder_ffn_dim=24,
        decoder_ffn_dim=32,
        max_source_positions=10,
        max_target_positions=12,
        pad_token_id=20,
        bos_token_id=20,
        eos_token_id=20,
        decoder_start_token_id=21,
    )
    model = transformers.WhisperForConditionalGeneration(config).eval()
    with torch.no_grad():
        for name, each in model.named_parameters():
            if name.endswith(("bias", "norm.weight")):
                each.normal_()
    return model


def variables_of(model, dtype=np.float32):
    """Its weights as CTranslate2 lays them out: projections of one input stacked, zeros for the keys' bias."""
    state = {
        name.removeprefix("model."): each.numpy().astype(dtype) for name, each in model.state_dict().items()
    }

    def layer(prefix, ours, name, *parts):
        weights = [state[f"{prefix}.{part}.weight"] for part in parts]
        biases = [state.get(f"{prefix}.{part}.bias", np.zeros(len(weights[0]), dtype)) for part in parts]
        kinds = ("gamma", "beta") if name.endswith("norm") else ("weight", "bias")
        out[f"{ours}/{name}/{kinds[0]}"], out[f"{ours}/{name}/{kinds[1]}"] = map(
            np.concatenate, (weights, biases)
        )

    out = {"decoder/activation": np.int8(3), "decoder/scale_embeddings": np.int8(0)}
    for side in ("encoder", "decoder"):
        out[f"{side}/num_heads"] = np.int16(getattr(model.config, f"{side}_attention_heads"))
        out[f"{side}/position_encodings/encodings"] = state[f"{side}.embed_positions.weight"]
        layer(side, side, "layer_norm", "layer_norm")
        for number in range(getattr(model.config, f"{side}_layers")):
            theirs, ours = f"{side}.layers.{number}", f"{side}/layer_{number}"
            layer(theirs, ours, "self_attention/layer_norm", "self_attn_layer_norm")
            layer(theirs, ours, "self_attention/linear_0", *(f"self_attn.{each}_proj" for each in "qkv"))
            layer(theirs, ours, "self_attention/linear_1", "self_attn.out_proj")
            if side == "decoder":
                layer(theirs, ours, "attention/layer_norm", "encoder_attn_layer_norm")
                layer(theirs, ours, "attention/linear_0", "encoder_attn.q_proj")
                layer(theirs, ours, "attention/linear_1", "encoder_attn.k_proj", "encoder_attn.v_proj")
                layer(theirs, ours, "attention/linear_2", "encoder_attn.out_proj")
            layer(theirs, ours, "ffn/layer_norm", "final_layer_norm")
            layer(theirs, ours, "ffn/linear_0", "fc1")
            layer(theirs, ours, "ffn/linear_1", "fc2")
    for number in (1, 2):
        layer("encoder", "encoder", f"conv{number}", f"conv{number}")
    out["decoder/embeddings/weight"] = state["decoder.embed_tokens.weight"]
    return out


def packed(variables, *, specification="WhisperSpec", version=6):
    """A ``model.bin``."""
    kinds = [np.dtype(each) for each in ctranslate2.TYPES]

    def text(words):
        return struct.pack("<H", len(words) + 1) + words.encode() + b"\0"

    parts = [struct.pack("<I", version), text(specification), struct.pack("<II", 3, len(variables))]
    for name, each in variables.items():
        array = np.asarray(each)
        head = struct.pack(f"<B{array.ndim}I", array.ndim, *array.shape)
        parts += [
            text(name),
            head,
            struct.pack("<BI", kinds.index(array.dtype), array.nbytes),
            array.tobytes(),
        ]
    aliases = [struct.pack("<I", 1), text("decoder/projection/weight"), text("decoder/embeddings/weight")]
    return b"".join([*parts, *aliases])


@pytest.fixture
def whisper(tmp_path):
    """A function: variables → the folder of a CTranslate2 model with them."""

    def write(variables, **options):
        folder = tmp_path / "ct2"
        folder.mkdir(exist_ok=True)
        (folder / "model.bin").write_bytes(packed(variables, **options))
        added = [{"content": word, "id": number} for word, number in WORDS.items()]
        (folder / "tokenizer.json").write_text(json.dumps({"added_tokens": added}))
        stated = {
            "lang_ids": [22, 23],
            "suppress_ids": [1],
            "suppress_ids_begin": [2],
            "alignment_heads": [[0, 0]],
        }
        (folder / "config.json").write_text(json.dumps(stated))
        return folder

    return write


def converted(format, source, tmp_path):
    target = tmp_path / "converted"
    target.mkdir()
    convert(format, source, target)
    return target


@pytest.mark.parametrize("dtype", [np.float32, np.float16])
def test_a_whisper_of_ctranslate2_computes_the_same(whisper, tmp_path, dtype):
    model = tiny_whisper()
    folder = converted("ctranslate2-whisper", whisper(variables_of(model, dtype)), tmp_path)
    again, found = transformers.WhisperForConditionalGeneration.from_pretrained(
        folder, output_loading_info=True
    )
    assert not any(found.values()) and again.dtype == torch.float32
    sound, words = torch.randn(2, 8, 20), torch.tensor([[21, 22, 5], [21, 23, 6]])
    with torch.no_grad():
        expected = (model.half().float() if dtype == np.float16 else model)(
            sound, decoder_input_ids=words
        ).logits
        torch.testing.assert_close(again(sound, decoder_input_ids=words).logits, expected)
    assert again.config.decoder_start_token_id == 21 and again.config.eos_token_id == 20


def test_a_multilingual_whisper_is_told_to_transcribe(whisper, tmp_path):
    folder = converted("ctranslate2-whisper", whisper(variables_of(tiny_whisper())), tmp_path)
    generation = transformers.GenerationConfig.from_pretrained(folder)
    assert generation.is_multilingual and generation.task == "transcribe"
    assert generation.lang_to_id == {"<|en|>": 22, "<|fi|>": 23}
    assert generation.task_to_id == {"transcribe": 25, "translate": 24}


def test_its_feature_extractor_is_whisper_s(whisper, tmp_path):
    folder = converted("ctranslate2-whisper", whisper(variables_of(tiny_whisper())), tmp_path)
    extractor = transformers.AutoFeatureExtractor.from_pretrained(folder)
    expected = transformers.WhisperFeatureExtractor(feature_size=8).to_dict()
    assert {key: extractor.to_dict()[key] for key in expected} == expected


def test_the_same_weights_are_the_same_bytes(whisper, tmp_path):
    source = whisper(variables_of(tiny_whisper()))
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
        convert("ctranslate2-whisper", source, tmp_path / name)
    for path in (tmp_path / "one").iterdir():
        assert path.read_bytes() == (tmp_path / "two" / path.name).read_bytes()


KEYS = "encoder/layer_0/self_attention/linear_0/bias"


@pytest.mark.parametrize(
    ("changes", "options", "said"),
    [
        ({}, {"specification": "TransformerSpec"}, "model.bin is a TransformerSpec, not a WhisperSpec"),
        ({}, {"version": 9}, "version 9; 3 to 6 are known, at byte 4"),
        ({KEYS: np.ones(48, np.float32)}, {}, "k_proj.bias is not zero"),
        ({"encoder/conv1/weight": np.ones((16, 8, 3), np.int8)}, {}, "encoder/conv1/weight is int8"),
        (
            {"encoder/conv3/weight": np.ones(3, np.float32)},
            {},
            r"encoder/conv3/weight of shape \[3\] is no variable",
        ),
        ({"decoder/activation": np.int8(0)}, {}, "activation 0 is not Whisper's"),
    ],
)
def test_another_model_is_refused(whisper, tmp_path, changes, options, said):
    with pytest.raises(EncoderError, match=said):
        converted("ctranslate2-whisper", whisper(variables_of(tiny_whisper()) | changes, **options), tmp_path)


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_a_model_that_is_cut_short_is_refused_at_any_place(tmp_path, data):
    whole = packed({"a": np.ones((2, 3), np.float32), "b": np.int8(3)})
    (tmp_path / "model.bin").write_bytes(whole[: data.draw(st.integers(0, len(whole) - 1))])
    with pytest.raises(EncoderError, match=r"it ends \d+ bytes too early"):
        ctranslate2.read(tmp_path / "model.bin")


def test_a_model_that_goes_on_is_refused(tmp_path):
    (tmp_path / "model.bin").write_bytes(packed({"a": np.ones(2, np.float32)}) + b"more")
    with pytest.raises(EncoderError, match="4 bytes are left over"):
        ctranslate2.read(tmp_path / "model.bin")


def test_a_size_that_contradicts_the_shape_is_refused(tmp_path):
    whole = packed({"a": np.ones(2, np.float32)})
    wrong = whole.replace(struct.pack("<BI", 0, 8), struct.pack("<BI", 0, 4))
    (tmp_path / "model.bin").write_bytes(wrong)
    with pytest.raises(EncoderError, match=r"4 bytes for a variable of shape \[2\]"):
        ctranslate2.read(tmp_path / "model.bin")


def onnx_of(model):
    """A DINOv2 as exporters write it: matrices transposed and without a name, positions in two parts."""
    file = onnx._message()()

    def weight(name, array):
        tensor = file.graph.initializer.add(name=name, data_type=onnx.FLOAT, raw_data=array.tobytes())
        tensor.dims.extend(array.shape)

    for name, each in model.state_dict().items():
        array, layer = each.numpy(), name.removesuffix(".weight")
        if name == "embeddings.position_embeddings":
            weight("onnx::Concat_1", np.ascontiguousarray(array[:, :1]))
            weight("onnx::Reshape_2", np.ascontiguousarray(array[:, 1:]))
            file.graph.node.add(
                name="/backbone/embeddings/Concat_3", op_type="Concat", input=["onnx::Concat_1"]
            )
            file.graph.node.add(
                name="/backbone/embeddings/Reshape_1", op_type="Reshape", input=["onnx::Reshape_2"]
            )
        elif array.ndim == 2 and "encoder" in name:
            number = f"onnx::MatMul_{len(file.graph.initializer)}"
            weight(number, np.ascontiguousarray(array.T))
            node = f"/backbone/{layer.replace('.', '/')}/MatMul"
            file.graph.node.add(name=node, op_type="MatMul", input=["x", number])
        elif name != "embeddings.mask_token":
            weight(f"backbone.{name}", array)
    weight("decoder.upconv1.weight", np.ones((2, 2), np.float32))
    return file


@pytest.fixture
def dinov2():
    torch.manual_seed(0)
    config = transformers.Dinov2Config(
        hidden_size=128, num_hidden_layers=2, num_attention_heads=2, mlp_ratio=2, image_size=42, patch_size=14
    )
    model = transformers.Dinov2Model(config).eval()
    with torch.no_grad():
        for each in model.parameters():
            each.normal_(std=0.2)
    return model


def published(model, folder):
    """The model under the names that published checkpoints have, which differ from those in memory."""
    model.save_pretrained(folder)
    from safetensors.torch import load_file

    class Named:
        def state_dict(self):
            return load_file(folder / "model.safetensors")

    return Named()


def test_a_dinov2_of_onnx_computes_the_same(dinov2, tmp_path):
    source = tmp_path / "onnx"
    source.mkdir()
    (source / "model.onnx").write_bytes(
        onnx_of(published(dinov2, tmp_path / "published")).SerializeToString()
    )
    folder = converted("onnx-dinov2", source, tmp_path)
    again, found = transformers.AutoModel.from_pretrained(folder, output_loading_info=True)
    assert type(again) is transformers.Dinov2Model and not any(found.values())
    pictures = torch.randn(2, 3, 42, 42)
    with torch.no_grad():
        expected = dinov2(pictures).last_hidden_state
        torch.testing.assert_close(again(pictures).last_hidden_state, expected)
    assert transformers.AutoImageProcessor.from_pretrained(folder).crop_size["height"] == 224


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"not protobuf", "model.onnx is not an ONNX file"),
        (b"", "model.onnx holds no weights"),
    ],
)
def test_what_is_no_onnx_is_refused(tmp_path, content, said):
    (tmp_path / "model.onnx").write_bytes(content)
    with pytest.raises(EncoderError, match=said):
        onnx.read(tmp_path / "model.onnx")


def test_an_onnx_of_another_model_is_refused(tmp_path):
    file = onnx._message()()
    file.graph.initializer.add(name="w", data_type=onnx.FLOAT, raw_data=b"\0" * 4, dims=[1])
    (tmp_path / "model.onnx").write_bytes(file.SerializeToString())
    with pytest.raises(EncoderError, match="the position embeddings of a DINOv2 backbone are not in it"):
        converted("onnx-dinov2", tmp_path, tmp_path)


def test_a_weight_of_another_size_than_stated_is_refused(tmp_path):
    file = onnx._message()()
    file.graph.initializer.add(name="w", data_type=onnx.FLOAT, raw_data=b"\0" * 4, dims=[3])
    (tmp_path / "model.onnx").write_bytes(file.SerializeToString())
    with pytest.raises(EncoderError, match=r"w has 1 values for \[3\]"):
        onnx.read(tmp_path / "model.onnx")


def test_a_pickled_checkpoint_becomes_the_same_tensors(tmp_path):
    from safetensors.torch import load_file

    shared = torch.randn(3, 4)
    torch.save({"a": shared, "b": shared, "c": shared.T}, tmp_path / "pytorch_model.bin")
    pickled.convert(tmp_path / "pytorch_model.bin", tmp_path / "model.safetensors")
    found = load_file(tmp_path / "model.safetensors")
    assert (
        set(found) == {"a", "b", "c"}
        and torch.equal(found["a"], shared)
        and torch.equal(found["c"], shared.T)
    )


class Malicious:
    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return exec, (f"open({str(self.path)!r}, 'w')",)


def test_code_in_a_pickle_is_not_run(tmp_path):
    torch.save({"a": Malicious(tmp_path / "run")}, tmp_path / "pytorch_model.bin")
    with pytest.raises(EncoderError, match="no checkpoint of tensors alone"):
        pickled.convert(tmp_path / "pytorch_model.bin", tmp_path / "model.safetensors")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["pytorch_model.bin"]


@pytest.mark.parametrize("held", [[1, 2], {"a": 1}, torch.ones(2)])
def test_a_pickle_of_anything_else_is_refused(tmp_path, held):
    torch.save(held, tmp_path / "pytorch_model.bin")
    with pytest.raises(EncoderError, match="holds no table of tensors"):
        pickled.convert(tmp_path / "pytorch_model.bin", tmp_path / "model.safetensors")


def test_a_broken_pickle_is_refused(tmp_path):
    torch.save({"a": torch.ones(100)}, tmp_path / "pytorch_model.bin")
    content = (tmp_path / "pytorch_model.bin").read_bytes()
    for broken in (b"", b"text", content[: len(content) // 2]):
        (tmp_path / "pytorch_model.bin").write_bytes(broken)
        with pytest.raises(EncoderError, match="no checkpoint of tensors alone"):
            pickled.convert(tmp_path / "pytorch_model.bin", tmp_path / "model.safetensors")


GATES = {"weight_ih": (32, 5), "weight_hh": (32, 8), "bias_ih": (32,), "bias_hh": (32,)}


@pytest.fixture
def checkpoint(tmp_path):
    """A function: what is held beside the state of a GE2E of one layer → its folder and that state."""

    def write(**held):
        torch.manual_seed(0)
        state = {f"lstm.{name}_l0": torch.randn(shape) for name, shape in GATES.items()}
        state |= {"linear.weight": torch.randn(8, 8), "linear.bias": torch.randn(8)}
        (tmp_path / "pt").mkdir()
        torch.save({"step": 3, "model_state": state} | held, tmp_path / "pt" / "pretrained.pt")
        return tmp_path / "pt", state

    return write


def test_a_speaker_encoder_keeps_its_weights_and_their_names(checkpoint, tmp_path):
    from safetensors.torch import load_file

    source, state = checkpoint(optimizer_state={"state": {}, "param_groups": [{"lr": 0.1}]})
    folder = converted("torch-ge2e", source, tmp_path)
    found = load_file(folder / "model.safetensors")
    assert set(found) == set(state) and all(torch.equal(found[name], state[name]) for name in state)
    config = json.loads((folder / "config.json").read_text())
    sizes = {"model_type": "ge2e", "hidden_size": 8, "num_hidden_layers": 1, "num_mel_bins": 5}
    assert config.items() >= sizes.items()


@pytest.mark.parametrize(
    ("held", "said"),
    [
        ({"model_state": {"linear.bias": torch.ones(2)}}, r"no lstm\.weight_ih_l0: it holds no GE2E"),
        ({"model_state": {"a": 1}}, "pretrained.pt holds no table of tensors"),
        ({"model_state": None}, "pretrained.pt holds no table of tensors"),
    ],
)
def test_a_checkpoint_of_another_model_is_refused(checkpoint, tmp_path, held, said):
    with pytest.raises(EncoderError, match=said):
        converted("torch-ge2e", checkpoint(**held)[0], tmp_path)


def test_code_beside_the_weights_of_a_speaker_encoder_is_not_run(checkpoint, tmp_path):
    source, _ = checkpoint(optimizer_state=Malicious(tmp_path / "run"))
    with pytest.raises(EncoderError, match="no checkpoint of tensors alone"):
        converted("torch-ge2e", source, tmp_path)
    assert not (tmp_path / "run").exists()


@pytest.fixture
def tfjs_folder(tmp_path):
    """A function: shapes by name, and what is appended to the numbers → the folder of a quantised TensorFlow.js model,
    and its weights as they should be read."""

    def write(shapes, *, more=b"", **changes):
        folder = tmp_path / "tfjs"
        folder.mkdir()
        random, numbers, listed, weights = np.random.default_rng(0), b"", [], {}
        for name, shape in shapes.items():
            stated = {"name": name, "shape": list(shape), "dtype": "float32"}
            if name.endswith("bias"):
                weights[name] = random.normal(size=shape).astype("<f4")
                numbers += weights[name].tobytes()
            else:
                stored = random.integers(0, 256, shape, np.uint8)
                weights[name] = (stored * 0.01 - 1.3).astype(np.float32)
                stated["quantization"] = {"dtype": "uint8", "scale": 0.01, "min": -1.3}
                numbers += stored.tobytes()
            listed.append(stated | changes)
        group = {"weights": listed, "paths": ["../elsewhere/one.bin", "two.bin"]}
        (folder / "face_expression_model-weights_manifest.json").write_text(json.dumps([group]))
        half = len(numbers) // 2
        (folder / "one.bin").write_bytes(numbers[:half])
        (folder / "two.bin").write_bytes(numbers[half:] + more)
        return folder, weights

    return write


def expression_shapes(widths=(2, 4, 8, 16)):
    shapes, inputs = {"dense0/conv0/filters": (3, 3, 3, widths[0]), "dense0/conv0/bias": (widths[0],)}, 3
    for block, width in enumerate(widths):
        for at in range(4):
            if (block, at) != (0, 0):
                name = f"dense{block}/conv{at}"
                shapes[f"{name}/depthwise_filter"] = (3, 3, inputs, 1)
                shapes[f"{name}/pointwise_filter"] = (1, 1, inputs, width)
                shapes[f"{name}/bias"] = (width,)
            inputs = width
    return shapes | {"fc/weights": (widths[-1], 7), "fc/bias": (7,)}


def test_a_network_of_expressions_has_the_weights_as_torch_lays_them_out(tfjs_folder, tmp_path):
    from emoflow.encoders.networks import network

    source, weights = tfjs_folder(expression_shapes())
    folder = converted("tfjs-face-expression", source, tmp_path)
    model, found = network("face-expression").from_pretrained(folder, output_loading_info=True)
    assert not any(found.values()) and model.config.hidden_size == 16
    state = {name: each.numpy() for name, each in model.state_dict().items()}
    filters, depthwise, pointwise = (
        weights[name]
        for name in ("dense0/conv0/filters", "dense1/conv0/depthwise_filter", "dense1/conv0/pointwise_filter")
    )
    for row, column in np.ndindex(3, 3):
        first = state["blocks.0.convolutions.0.weight"][:, :, row, column]
        np.testing.assert_allclose(first, filters[row, column].T, atol=1e-6)
        of_channel = state["blocks.1.convolutions.0.0.weight"][:, 0, row, column]
        np.testing.assert_allclose(of_channel, depthwise[row, column, :, 0], atol=1e-6)
    across = state["blocks.1.convolutions.0.1.weight"][:, :, 0, 0]
    np.testing.assert_allclose(across, pointwise[0, 0].T, atol=1e-6)
    np.testing.assert_allclose(state["fc.weight"], weights["fc/weights"].T, atol=1e-6)
    assert np.array_equal(state["blocks.3.convolutions.3.1.bias"], weights["dense3/conv3/bias"])


@pytest.mark.parametrize(
    ("shapes", "options", "said"),
    [
        ({"fc/bias": (7,)}, {}, r"no dense0/conv0/filters: it is of another network"),
        (expression_shapes() | {"fc2/bias": (7,)}, {}, "fc2/bias are of another network"),
        (expression_shapes(), {"more": b"??"}, "one.bin, two.bin: 2 bytes are left over"),
        (expression_shapes(), {"shape": [99, 99]}, "dense0/conv0/filters is cut short"),
        (expression_shapes(), {"quantization": {"dtype": "uint16"}}, "is of the type uint16; float32, uint8 are"),
        (expression_shapes(), {"dtype": "string", "quantization": {}}, "is of the type string"),
        (expression_shapes(), {"shape": None}, "is no manifest of weights: TypeError"),
    ],
)  # fmt: skip
def test_weights_of_tensorflow_that_do_not_fit_are_refused(tfjs_folder, tmp_path, shapes, options, said):
    source, _ = tfjs_folder(shapes, **options)
    with pytest.raises(EncoderError, match=said):
        converted("tfjs-face-expression", source, tmp_path)


@pytest.mark.parametrize("text", ["", "no JSON", "{}", "[1]", "[{}]"])
def test_what_is_no_manifest_is_refused(tmp_path, text):
    (tmp_path / "face_expression_model-weights_manifest.json").write_text(text)
    with pytest.raises(EncoderError, match=r"face_expression_model-weights_manifest\.json"):
        converted("tfjs-face-expression", tmp_path, tmp_path)
