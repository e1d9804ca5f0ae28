"""The clips of a parse, to be asked about: a dataset folder of all its sub-actions, flow and poses as in training."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from pathlib import Path

from finegym.annotations.folder import write_dataset
from finegym.annotations.model import Action, Dataset, SubAction, Video
from finegym.applications.parse.files import PARSE_FILE, REASONS_FOLDER, Parse, read_parse
from finegym.applications.parse.recognising import choose_maker
from finegym.applications.reasons_opening import OpenedRecogniser
from finegym.codebook.model import Codebook
from finegym.errors import ConfigError, FeatureError, VideoError, join_problems
from finegym.features.build import build_features
from finegym.files import hash_samples
from finegym.training.contradictions import POSES
from finegym.training.data import FEATURES_FOLDER
from finegym.video.index_cache import read_index


def is_parse(folder: Path) -> bool:
    """Whether ``finegym parse`` wrote a folder."""
    return (folder / PARSE_FILE).is_file()


def read_parse_for_reasons(folder: Path, bundle_sha256: str) -> tuple[Parse, Path]:
    """A parse and its recording, checked before anything is computed.

    Raises:
        ConfigError: it is no parse, or of another bundle.
        VideoError: the recording is gone, or another one.
    """
    parse = read_parse(folder / PARSE_FILE)
    if parse.bundle_sha256 != bundle_sha256:
        raise ConfigError(
            f"{folder} was parsed with another bundle ({parse.bundle}, {parse.bundle_sha256[:12]}…, not "
            f"{bundle_sha256[:12]}…). Give that one, or parse it again."
        )
    video = Path(parse.video)
    if not video.is_file():
        raise VideoError(f"{video.absolute()}: the recording is not there any more. Put it back, or parse it again.")
    if hash_samples(video) != parse.video_fingerprint:
        raise VideoError(f"{video.absolute()}: is another recording than the one that was parsed. Parse it again.")
    return parse, video


def name_instances(parse: Parse) -> list[str]:
    """Ids of all sub-actions, those of replays included."""
    return [f"{parse.record_id}_{action.name}_{sub.name}" for action in parse.actions for sub in action.sub_actions]


def prepare_clips(
    folder: Path, parse: Parse, codebook: Codebook, recognisers: Sequence[OpenedRecogniser], only: Collection[str]
) -> Path:
    """Write the clips of a parse as a dataset folder, and make the flow and poses that recognisers want.

    Args:
        folder: of the parse. What is made lies in ``.reasons`` there, and is used again.
        parse: what was read from it.
        codebook: of the bundle.
        recognisers: that are going to be asked.
        only: instance ids that they are asked about.

    Raises:
        ConfigError: features cannot be made like those of training.
        FeatureError: they could not be made of some clip.
    """
    clips = folder / REASONS_FOLDER
    dataset = _make_dataset(parse, codebook)
    write_dataset(dataset, clips)
    for one in recognisers:
        if one.recipe.data.modality not in (*POSES, "flow"):
            continue
        maker = choose_maker(one.recipe.name, one.run.read_facts())
        out = clips / FEATURES_FOLDER / Path(one.recipe.data.features).name
        build = build_features(dataset, clips, out, maker.make_settings(), maker, only=only, show_progress=False)
        failed = [f"{instance_id}: {reason}" for instance_id, reason in build.tally.failed.items()]
        if failed:
            raise FeatureError(f"{out.name}: {len(failed)} sub-actions failed: {join_problems(failed, limit=3)}")
    return clips


def _make_dataset(parse: Parse, codebook: Codebook) -> Dataset:
    """One record whose sub-actions have no label: nobody has given one."""
    video = Path(parse.video).absolute()
    index = read_index(video)
    actions = tuple(
        Action(
            one.name,
            one.event_id,
            one.start_ms,
            one.end_ms,
            tuple(SubAction(sub.name, ((sub.start_ms, sub.end_ms),)) for sub in one.sub_actions),
        )
        for one in parse.actions
    )
    record = Video(
        parse.record_id, actions, str(video), num_frames=index.num_frames, width=index.width, height=index.height
    )
    return Dataset(codebook, (record,))
