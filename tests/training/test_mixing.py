import numpy as np
import pytest
import torch

from finegym.training.mixing import Mix, Mixing, mix_inputs, mix_targets, sample_box

SHAPE = (6, 3, 2, 20, 30)  # B, T, C, H, W


def draw(mixing, seed=0, shape=SHAPE):
    return mixing.draw(shape, np.random.default_rng(seed))


def test_mixup_worked_by_hand():
    inputs = torch.tensor([[0.0, 4.0], [8.0, 0.0]])
    mix = Mix(0.75, np.array([1, 0]))
    assert mix_inputs(inputs, mix).tolist() == [[2.0, 3.0], [6.0, 1.0]]
    assert mix_targets(torch.tensor([2, 0]), 3, mix).tolist() == [[0.25, 0.0, 0.75], [0.75, 0.0, 0.25]]


@pytest.mark.parametrize("alphas", [(0.4, 0.0), (0.0, 1.0)], ids=["mixup", "cutmix"])
def test_mixtures_equal_one_value_after_the_other(alphas):
    rng = np.random.default_rng(3)
    clips = rng.normal(size=SHAPE).astype(np.float32)
    mix = draw(Mixing(*alphas))
    got = mix_inputs(torch.from_numpy(clips), mix).numpy()
    expected = np.empty_like(clips)
    for place in np.ndindex(*SHAPE):
        b, *within, row, column = place
        own, partner = clips[place], clips[(mix.partners[b], *within, row, column)]
        if mix.box is None:
            expected[place] = mix.share * own + (1 - mix.share) * partner
        else:
            top, bottom, left, right = mix.box
            expected[place] = partner if top <= row < bottom and left <= column < right else own
    np.testing.assert_allclose(got, expected, atol=1e-6)


def test_the_share_of_a_cutmix_is_that_of_its_pixels():
    for seed in range(50):
        mix = draw(Mixing(cutmix_alpha=1.0), seed)
        own = torch.zeros(SHAPE)
        own[0] = 1.0
        mix = Mix(mix.share, np.array([1, 0, 2, 3, 4, 5]), mix.box)
        mixed = mix_inputs(own, mix)
        assert mixed[0].mean().item() == pytest.approx(mix.share, abs=1e-6)
        # One box for all frames and channels.
        assert (mixed[0] == mixed[0, :1, :1]).all()


def test_boxes_have_the_wanted_share_before_the_border_cuts_them():
    rng = np.random.default_rng(0)
    for _ in range(200):
        top, bottom, left, right = sample_box(0.75, 40, 60, rng)
        assert 0 <= top <= bottom <= 40
        assert 0 <= left <= right <= 60
        assert bottom - top <= 20
        assert right - left <= 30
        if top > 0 and bottom < 40:
            assert bottom - top == 20
    top, bottom, left, right = sample_box(1.0, 40, 60, rng)
    assert (bottom - top, right - left) == (0, 0)


def test_targets_are_distributions_and_keep_the_batch_mean():
    classes = torch.tensor([0, 3, 3, 1, 2, 0])
    mix = draw(Mixing(mixup_alpha=0.2))
    targets = mix_targets(classes, 4, mix)
    torch.testing.assert_close(targets.sum(dim=1), torch.ones(6))
    torch.testing.assert_close(targets.sum(dim=0), torch.tensor([2.0, 1.0, 1.0, 2.0]))


def test_skeletons_are_mixed_up():
    skeletons = torch.randn(6, 3, 8, 17, 1)
    mix = draw(Mixing(mixup_alpha=1.0), shape=skeletons.shape)
    assert mix.box is None
    expected = torch.stack(
        [mix.share * skeletons[b] + (1 - mix.share) * skeletons[p] for b, p in enumerate(mix.partners)]
    )
    torch.testing.assert_close(mix_inputs(skeletons, mix), expected)


def test_shares_follow_the_beta_distribution():
    shares = np.array([draw(Mixing(mixup_alpha=0.5), seed).share for seed in range(2000)])
    # Beta(a, a): mean 1/2, variance 1 / (4 (2 a + 1)).
    assert shares.mean() == pytest.approx(0.5, abs=0.03)
    assert shares.var() == pytest.approx(0.125, abs=0.01)


def test_kinds_and_batches_are_as_likely_as_asked():
    kinds = [draw(Mixing(0.2, 1.0, probability=0.6), seed) for seed in range(1000)]
    mixed = [mix for mix in kinds if mix is not None]
    assert len(mixed) / 1000 == pytest.approx(0.6, abs=0.05)
    assert sum(mix.box is not None for mix in mixed) / 1000 == pytest.approx(0.3, abs=0.05)
    assert all(draw(Mixing(), seed) is None for seed in range(20))


def test_the_same_step_is_mixed_the_same_way():
    first, again, other = (draw(Mixing(0.2, 1.0), seed) for seed in (4, 4, 5))
    assert (first.share, first.partners.tolist(), first.box) == (again.share, again.partners.tolist(), again.box)
    assert first.share != other.share


def test_what_came_in_is_left_as_it_was():
    clips = torch.randn(SHAPE)
    before = clips.clone()
    for alphas in ((0.4, 0.0), (0.0, 1.0)):
        mix_inputs(clips, draw(Mixing(*alphas)))
    assert torch.equal(clips, before)
