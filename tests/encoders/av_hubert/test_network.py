"""AV-HuBERT's network: sizes, names of the weights, absent streams, padding; its transformer beside HuBERT's."""

import pytest
import torch
from emoflow.encoders.av_hubert.configuration import AvHubertConfig
from emoflow.encoders.av_hubert.network import AvHubert


@pytest.fixture(scope="module")
def network() -> AvHubert:
    torch.manual_seed(0)
    return AvHubert(AvHubertConfig.tiny()).eval()


def clips(frames: int = 9, clips: int = 2) -> tuple[torch.Tensor, torch.Tensor]:
    made = torch.Generator().manual_seed(1)
    return torch.randn(clips, frames, 104, generator=made), torch.randn(clips, frames, 88, 88, generator=made)


@pytest.mark.parametrize(("size", "millions"), [("base", 103), ("large", 325)])
def test_a_published_model_has_as_many_weights(size, millions):
    with torch.device("meta"):
        made = AvHubert(getattr(AvHubertConfig, size)())
    assert round(sum(each.numel() for each in made.parameters()) / 1e6) == millions


def test_the_weights_have_the_names_and_shapes_of_published_checkpoints():
    with torch.device("meta"):
        made = {
            name: tuple(each.shape) for name, each in AvHubert(AvHubertConfig.base()).state_dict().items()
        }
    expected = {
        "layer_norm.weight": (1536,),
        "post_extract_proj.weight": (768, 1536),
        "feature_extractor_audio.proj.weight": (768, 104),
        "feature_extractor_video.proj.weight": (768, 512),
        "feature_extractor_video.resnet.frontend3D.0.weight": (64, 1, 5, 7, 7),
        "feature_extractor_video.resnet.frontend3D.1.running_mean": (64,),
        "feature_extractor_video.resnet.frontend3D.2.weight": (64,),
        "feature_extractor_video.resnet.trunk.layer1.0.conv1.weight": (64, 64, 3, 3),
        "feature_extractor_video.resnet.trunk.layer4.1.relu2.weight": (512,),
        "feature_extractor_video.resnet.trunk.layer2.0.downsample.0.weight": (128, 64, 1, 1),
        "feature_extractor_video.resnet.trunk.layer2.0.downsample.1.num_batches_tracked": (),
        "encoder.pos_conv.0.weight_g": (1, 1, 128),
        "encoder.pos_conv.0.weight_v": (768, 48, 128),
        "encoder.pos_conv.0.bias": (768,),
        "encoder.layers.11.self_attn.q_proj.weight": (768, 768),
        "encoder.layers.11.self_attn.out_proj.bias": (768,),
        "encoder.layers.0.self_attn_layer_norm.weight": (768,),
        "encoder.layers.0.fc1.weight": (3072, 768),
        "encoder.layers.0.fc2.weight": (768, 3072),
        "encoder.layers.0.final_layer_norm.bias": (768,),
        "encoder.layer_norm.weight": (768,),
    }
    assert {name: made.get(name) for name in expected} == expected
    assert not any("layer1.0.downsample" in name for name in made)


def test_an_absent_stream_is_zero_behind_its_front_end_and_changes_the_normalisation(network):
    audio, video = clips()
    with torch.inference_mode():
        heard, seen = network.features(audio, video)
        zero = torch.zeros_like(heard)
        for given, parts in (
            ({"audio": audio}, (heard, zero)),
            ({"video": video}, (zero, seen)),
            ({"audio": audio, "video": video}, (heard, seen)),
        ):
            both = torch.cat(parts, dim=-1)
            normal = (both - both.mean(-1, keepdim=True)) / (
                both.var(-1, keepdim=True, unbiased=False) + 1e-5
            ).sqrt()
            expected = network.encoder(network.post_extract_proj(normal))[0]
            torch.testing.assert_close(network(**given).last_hidden_state, expected, atol=1e-5, rtol=0)


def test_frames_without_a_stream_are_as_those_of_a_clip_without_it(network):
    audio, video = clips()
    nowhere = torch.zeros(2, 9, dtype=torch.bool)
    with torch.inference_mode():
        without = network(audio).last_hidden_state
        absent = network(audio, video, video_present=nowhere).last_hidden_state
        black = network(audio, torch.full_like(video, -0.421 / 0.165)).last_hidden_state
    torch.testing.assert_close(absent, without, atol=1e-6, rtol=0)
    assert (black - without).abs().max() > 1e-3


def test_neither_stream_is_refused(network):
    with pytest.raises(ValueError, match="neither"):
        network()


def test_a_padded_clip_is_as_one_alone(network):
    audio, video = clips()
    mask = torch.ones(2, 9, dtype=torch.bool)
    mask[1, 5:] = False
    audio[1, 5:], video[1, 5:] = 0, 0
    with torch.inference_mode():
        padded = network(audio, video, attention_mask=mask).last_hidden_state[1, :5]
        alone = network(audio[1:, :5], video[1:, :5]).last_hidden_state[0]
    torch.testing.assert_close(padded, alone, atol=1e-5, rtol=0)


def test_the_transformer_is_that_of_hubert_with_its_normalisation_first():
    from transformers import HubertConfig
    from transformers.models.hubert.modeling_hubert import HubertEncoderStableLayerNorm

    ours = AvHubert(AvHubertConfig.tiny()).eval().encoder
    theirs = HubertEncoderStableLayerNorm(
        HubertConfig(
            hidden_size=96,
            num_hidden_layers=4,
            num_attention_heads=4,
            intermediate_size=384,
            num_conv_pos_embeddings=16,
            num_conv_pos_embedding_groups=4,
            attn_implementation="eager",
        )
    ).eval()
    renamed = {}
    for name, weight in ours.state_dict().items():
        for old, new in (
            ("pos_conv.0.weight_g", "pos_conv_embed.conv.parametrizations.weight.original0"),
            ("pos_conv.0.weight_v", "pos_conv_embed.conv.parametrizations.weight.original1"),
            ("pos_conv.0.bias", "pos_conv_embed.conv.bias"),
            ("self_attn_layer_norm", "layer_norm"),
            ("self_attn.", "attention."),
            ("fc1", "feed_forward.intermediate_dense"),
            ("fc2", "feed_forward.output_dense"),
        ):
            name = name.replace(old, new)
        renamed[name] = weight
    theirs.load_state_dict(renamed)
    x = torch.randn(2, 11, 96)
    mask = torch.ones(2, 11, dtype=torch.bool)
    mask[1, 7:] = False
    with torch.inference_mode():
        found, expected = ours(x, mask)[0], theirs(x.clone(), attention_mask=mask).last_hidden_state
    torch.testing.assert_close(found[0], expected[0], atol=1e-5, rtol=0)
    torch.testing.assert_close(found[1, :7], expected[1, :7], atol=1e-5, rtol=0)


def test_saved_weights_are_loaded_again(network, tmp_path):
    network.save_pretrained(tmp_path)
    loaded, info = AvHubert.from_pretrained(tmp_path, output_loading_info=True)
    assert not info["missing_keys"] and not info["unexpected_keys"]
    audio, video = clips()
    with torch.inference_mode():
        assert torch.equal(
            loaded.eval()(audio, video).last_hidden_state, network(audio, video).last_hidden_state
        )


def test_a_step_of_training_reaches_every_weight():
    made = AvHubert(AvHubertConfig.tiny(layer_dropout=0.0)).train()
    made(*clips()).last_hidden_state.square().sum().backward()
    assert not [name for name, each in made.named_parameters() if each.grad is None]
