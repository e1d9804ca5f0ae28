"""What a recipe cannot ask of MViTv2 and Swin3D."""

import pytest

from finegym.errors import ConfigError


@pytest.mark.parametrize(
    ("overrides", "message"),
    [
        (("model.backbone=resnet18",), r'model\.backbone is given, but model\.name = "swin3d_t" says which'),
        (("model.weights=imagenet",), r'has "kinetics400" or a file'),
        (("clip.stem_temporal_stride=2",), r"stem_temporal_stride is of i3d and nl_i3d"),
        (
            ("model.name=mvit_v2_s",),
            r"takes 16 frames of 224 pixels, but clip\.clip_len is 4 and data\.crop_size is 32",
        ),
        (("model.name=videomae_s", "data.crop_size=24"), r"whole cubes of 2 frames and 16 x 16 pixels, but .* is 24"),
        (("model.name=videomae_s", "model.weights=imagenet"), r'"videomae_s" has a file'),
        (("model.name=videomae_s", "model.weights=kinetics400"), r"is for mvit_v2_s, .* swin3d_b, but"),
        (("model.freeze_backbone=true",), r'give model\.freeze = \["backbone\.\*"\]'),
        (("model.name=i3d", "model.backbone=resnet18", "model.weights=kinetics400"), r"is for mvit_v2_s, swin3d_t"),
    ],
)
def test_settings_that_a_transformer_cannot_have(make_recipe, overrides, message):
    with pytest.raises(ConfigError, match=message):
        make_recipe("model.name=swin3d_t", "model.backbone=", "clip.clip_len=4", *overrides)
