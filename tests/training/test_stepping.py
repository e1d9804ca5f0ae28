import pytest
import torch
from accelerate.state import AcceleratorState

from finegym.errors import ConfigError
from finegym.evaluation.predictions import read_predictions
from finegym.training.averaging import build_average
from finegym.training.compiling import compile_forward
from finegym.training.predict import predict
from finegym.training.run import train
from finegym.training.run_folder import read_checkpoint

# Statistics of a batch and dropout are what makes a batch more than its clips.
PLAIN = ("model.freeze_backbone=true", "model.dropout=0.0", "schedule.epochs=2", "optim.learning_rate=0.1")


def read_losses(run):
    return [row["loss"] for row in run.read_metrics() if row["kind"] == "step"]


def read_content(run):
    return read_checkpoint(run.find_checkpoint())


def test_batches_put_together_move_the_weights_as_one(make_recipe, make_data, tmp_path):
    data = make_data(num_train=14)  # 14 = 8 + 6: the last step of an epoch is smaller, and of unequal batches
    whole = train(make_recipe(*PLAIN, "train.batch_size=8"), data, tmp_path / "whole")
    parts = train(make_recipe(*PLAIN, "train.batch_size=4", "train.accumulate=2"), data, tmp_path / "parts")
    assert len(read_losses(whole)) == len(read_losses(parts)) == 4
    assert read_losses(parts) == pytest.approx(read_losses(whole), abs=1e-6)
    for key, value in read_content(whole)["model"].items():
        torch.testing.assert_close(read_content(parts)["model"][key], value, atol=1e-6, rtol=1e-5)
    assert parts.read_last_epoch()["num_clips"] == 14


def test_accumulation_resumes_with_the_same_bits(make_recipe, make_data, tmp_path):
    recipe = make_recipe("train.batch_size=2", "train.accumulate=3", "train.ema_decay=0.9", "schedule.epochs=4")
    whole = train(recipe, make_data(), tmp_path / "whole")
    train(recipe, make_data(), tmp_path / "halves", stop_after=2)
    halves = train(recipe, make_data(), tmp_path / "halves")
    assert read_losses(whole) == read_losses(halves)
    left, right = read_content(whole), read_content(halves)
    for name in ("model", "average"):
        first, second = (content[name].get("training_model", content[name]) for content in (left, right))
        assert [key for key in first if not torch.equal(first[key], second[key])] == []
    assert left["average"]["num_updates"] == right["average"]["num_updates"] == 8
    assert whole.read_last_epoch()["val_loss"] == halves.read_last_epoch()["val_loss"]


def test_the_average_is_what_a_loop_over_steps_gives():
    model = torch.nn.Linear(2, 1)
    average = build_average(model, 0.9)
    slow = None
    for step in range(5):
        with torch.no_grad():
            model.weight.add_(step + 1.0)
        average.update_parameters(model)
        slow = model.weight.clone() if slow is None else 0.9 * slow + 0.1 * model.weight
    torch.testing.assert_close(average.module.weight, slow)
    assert build_average(model, 0.0) is None


def test_averaged_weights_are_evaluated_and_predicted_from(make_recipe, make_data, tmp_path):
    data = make_data()
    recipe = make_recipe("train.ema_decay=0.5", "schedule.epochs=2")
    run = train(recipe, data, tmp_path / "run")
    content = read_content(run)
    key = "classifier.weight"
    assert not torch.equal(content["model"][key], content["average"]["training_model"][key])
    predict(run, run.read_recipe(), data, tmp_path / "val.parquet")
    logits = torch.tensor(read_predictions(tmp_path / "val.parquet").logits)
    loss = torch.nn.functional.cross_entropy(logits, torch.tensor(list(data.labels["val"].values())))
    assert loss.item() == pytest.approx(run.read_last_epoch()["val_loss"], abs=1e-5)


@pytest.fixture
def fit_at_most(monkeypatch):
    """Lets a forward pass in training run out of memory above so many clips."""

    def limit(num_clips):
        from finegym.models.tsn import TSN

        forward = TSN.forward

        def fail(self, frames):
            if self.training and len(frames) > num_clips:
                raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2 GiB.\nGPU 0 has …")
            return forward(self, frames)

        monkeypatch.setattr(TSN, "forward", fail)

    return limit


def test_out_of_memory_stops_with_a_remedy(make_recipe, make_data, tmp_path, fit_at_most):
    fit_at_most(2)
    with pytest.raises(ConfigError, match=r"out of memory in epoch 1, iteration 1 with 4 clips .*--halve-on-oom"):
        train(make_recipe(*PLAIN), make_data(), tmp_path / "run")


def test_out_of_memory_halves_only_if_permitted_and_says_so(make_recipe, make_data, tmp_path, fit_at_most, capsys):
    whole = train(make_recipe(*PLAIN), make_data(), tmp_path / "whole")
    fit_at_most(1)
    halved = train(make_recipe(*PLAIN), make_data(), tmp_path / "halved", halve_on_oom=True)
    errors = capsys.readouterr().err
    assert "with 4 clips at a time (CUDA out of memory. Tried to allocate 2 GiB.); going on with 2 at a time" in errors
    assert "going on with 1 at a time" in errors
    assert read_losses(halved) == pytest.approx(read_losses(whole), abs=1e-6)
    assert halved.read_last_epoch()["num_parts"] == 4
    assert "num_parts" not in whole.read_last_epoch()


def test_one_clip_that_does_not_fit_is_the_end(make_recipe, make_data, tmp_path, fit_at_most):
    fit_at_most(0)
    with pytest.raises(ConfigError, match=r"with 1 clips at a time .*smaller model"):
        train(make_recipe(*PLAIN), make_data(), tmp_path / "run", halve_on_oom=True)


def test_a_mixed_batch_in_parts_is_the_same_batch(make_recipe, make_data, tmp_path, fit_at_most):
    recipe = make_recipe(*PLAIN, "mix.mixup_alpha=1.0")
    whole = train(recipe, make_data(), tmp_path / "whole")
    fit_at_most(2)
    halved = train(recipe, make_data(), tmp_path / "halved", halve_on_oom=True)
    assert read_losses(halved) == pytest.approx(read_losses(whole), abs=1e-6)


def test_a_compiled_run_learns_the_same(make_recipe, make_data, tmp_path, monkeypatch):
    """With dynamo's eager backend: the same arithmetic, without a C++ compiler."""
    compile_with = torch.compile
    monkeypatch.setattr(torch, "compile", lambda model: compile_with(model, backend="eager"))
    plain = train(make_recipe("schedule.epochs=1"), make_data(), tmp_path / "plain")
    compiled = train(make_recipe("schedule.epochs=1", "train.compile=true"), make_data(), tmp_path / "compiled")
    assert read_losses(compiled) == pytest.approx(read_losses(plain), abs=1e-5)
    assert read_content(plain)["model"].keys() == read_content(compiled)["model"].keys()


def test_a_model_that_does_not_compile_is_said_in_one_line(monkeypatch):
    def fail(graph, inputs):
        raise ValueError("no C++ compiler")

    compile_with = torch.compile
    monkeypatch.setattr(torch, "compile", lambda model: compile_with(model, backend=fail))
    with pytest.raises(ConfigError, match=r"train\.compile = true: Linear cannot be compiled here") as caught:
        compile_forward(torch.nn.Linear(2, 1))(torch.ones(1, 2))
    assert "\n" not in str(caught.value)
    assert "no C++ compiler" in str(caught.value)


@pytest.fixture
def fresh_accelerate():
    """Forgets the precision of earlier runs of this process, and its own."""
    AcceleratorState._reset_state(reset_partial_state=True)
    yield
    AcceleratorState._reset_state(reset_partial_state=True)


@pytest.mark.usefixtures("fresh_accelerate")
def test_validation_is_in_float32_whatever_training_is(make_recipe, make_data, tmp_path):
    data = make_data()
    run = train(make_recipe("schedule.epochs=1", "train.mixed_precision=bf16"), data, tmp_path / "run")
    predict(run, run.read_recipe(), data, tmp_path / "val.parquet")
    logits = torch.tensor(read_predictions(tmp_path / "val.parquet").logits)
    loss = torch.nn.functional.cross_entropy(logits, torch.tensor(list(data.labels["val"].values())))
    assert loss.item() == pytest.approx(run.read_last_epoch()["val_loss"], abs=1e-5)
