"""A snippet store: a vector every few frames of a record or an action, as files that can be mapped into memory.

====================================  =================================================================================
``store.json``                        what the store is: what made it, counts; written last
``skipped.csv``                       items whose snippets could not be made, with reasons; only if there are any
``items/<id>.npy``                    float16 (T, D): the features
``items/<id>.times.npy``              int64 (T, 2): the record's frame at the centre of each snippet, and its time in ms
``items/<id>.json``                   which frames of which file they are of, and what made them; written last
``cuts/<record>.json``                where records are cut, where flow was computed for them
``.lock``                             empty; held by the build at work, and never removed
====================================  =================================================================================

An item is a record (unit ``record``) or an action (unit ``action``). Times are on the record's clock; frames count from
0. Features are mapped, so the store is a folder of this machine (or of a network drive); a bucket is copied first.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, Literal

import numpy as np
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from finegym.errors import FeatureError
from finegym.video.store.format import make_key

FORMAT = "finegym-snippets/1"
STORE_FILE, SKIPPED_FILE, ITEMS_FOLDER = "store.json", "skipped.csv", "items"
Unit = Literal["record", "action"]


class _Facts(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class SnippetSettings(_Facts):
    """What was asked for. Items of two settings never share a store.

    Attributes:
        unit: what an item is.
        stride: frames from one snippet's centre to the next one's.
        window: frames that a snippet sees, around its centre.
        feature_size: D.
        maker: what made the features, in plain values: the model, a hash of its weights, its input, its outputs.
    """

    unit: Unit
    stride: int = Field(gt=0)
    window: int = Field(gt=0)
    feature_size: int = Field(gt=0)
    maker: dict[str, Any]

    def __str__(self) -> str:
        name = self.maker.get("name", "")
        return f"{name}, {self.feature_size} values every {self.stride} frames of {self.unit}s".removeprefix(", ")


class ItemFacts(_Facts):
    """What is known of the snippets of one item; ``items/<id>.json``.

    Attributes:
        item_id: the record's id, or the action's.
        record_id: of the record.
        record: the record's path, relative to the dataset's folder.
        record_bytes: its size when the snippets were made.
        record_fingerprint: of its content then; see ``files.hash_samples``.
        start_ms: of the item, on the record's clock.
        end_ms: of the item; of a record, when its last frame stops being shown.
        first_frame: of the item.
        num_frames: of the item.
        num_snippets: T.
        size_bytes: of the file of features.
        crc32: of the file of features.
        counts: what the maker counted, such as ``blank_frames`` (pairs across a cut).
        settings: as asked for.
    """

    item_id: str
    record_id: str
    record: str
    record_bytes: int
    record_fingerprint: str
    start_ms: int
    end_ms: int
    first_frame: int
    num_frames: int
    num_snippets: int
    size_bytes: int
    crc32: int
    counts: dict[str, int] = Field(default_factory=dict)
    settings: SnippetSettings


class StoreFacts(_Facts):
    """``store.json``.

    Attributes:
        format: ``FORMAT``.
        finegym: version that wrote it.
        settings: of every item.
        items: start and end of every item on its record's clock, in ms; in the order of the dataset.
        num_skipped: items that could not be made; rows of ``skipped.csv``.
        num_snippets: of all items together.
        size_bytes: of all items together.
        counts: of all items together.
        origin: where what made them lies, so that it can make more; moving that away makes the snippets no others.
    """

    format: Literal["finegym-snippets/1"] = "finegym-snippets/1"
    finegym: str
    settings: SnippetSettings
    items: dict[str, tuple[int, int]]
    num_skipped: int
    num_snippets: int
    size_bytes: int
    counts: dict[str, int]
    origin: dict[str, Any] = Field(default_factory=dict)


def is_snippet_store(folder: str | Path) -> bool:
    """Whether a folder's ``store.json`` says that it is a snippet store."""
    try:
        content = json.loads((Path(folder) / STORE_FILE).read_bytes())
    except (OSError, ValueError):
        return False
    return isinstance(content, dict) and content.get("format") == FORMAT


def get_paths(out: Path, item_id: str) -> tuple[Path, Path, Path]:
    """Where features, times and facts of an item lie."""
    folder, key = Path(out) / ITEMS_FOLDER, make_key(item_id)
    return folder / f"{key}.npy", folder / f"{key}.times.npy", folder / f"{key}.json"


def read_item_facts(out: Path, item_id: str) -> ItemFacts:
    """What is known of an item.

    Raises:
        FeatureError: it is not there, or its facts are damaged.
    """
    path = get_paths(out, item_id)[2]
    try:
        return ItemFacts.model_validate_json(path.read_bytes())
    except FileNotFoundError as error:
        raise FeatureError(
            f"{out}: has no snippets of {item_id}. Make them with `finegym features snippets`."
        ) from error
    except (OSError, ValidationError) as error:
        raise FeatureError(f"{path}: is damaged ({str(error).splitlines()[0]}). Make the snippets again.") from error


class SnippetStore:
    """A finished snippet store. Can be sent to other processes and survives a fork: it holds no open file.

    Args:
        folder: of the store.

    Attributes:
        facts: what ``store.json`` says.

    Raises:
        FeatureError: there is no finished store.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = Path(folder)
        try:
            self.facts = StoreFacts.model_validate_json((self.folder / STORE_FILE).read_bytes())
        except FileNotFoundError as error:
            raise FeatureError(
                f"{folder}: there is no finished snippet store (no {STORE_FILE}). `finegym features snippets` makes "
                "one, or finishes it."
            ) from error
        except (OSError, ValidationError) as error:
            raise FeatureError(f"{self.folder / STORE_FILE}: is damaged. Make the snippets again.") from error

    @property
    def settings(self) -> SnippetSettings:
        """Of every item."""
        return self.facts.settings

    def __len__(self) -> int:
        return len(self.facts.items)

    def __contains__(self, item_id: object) -> bool:
        return item_id in self.facts.items

    def __str__(self) -> str:
        return str(self.folder)

    def get_facts(self, item_id: str) -> ItemFacts:
        """What is known of an item.

        Raises:
            FeatureError: it is not in the store.
        """
        if item_id not in self:
            raise FeatureError(f"{self}: {item_id} is not among its {len(self)} items ({self.settings})")
        return read_item_facts(self.folder, item_id)

    def read(self, item_id: str) -> tuple[np.ndarray, np.ndarray]:
        """Features and times of an item, mapped into memory: what is not looked at is not read.

        Returns:
            float16 (T, D), and int64 (T, 2): the record's frame at the centre of each snippet, and its time in ms.

        Raises:
            FeatureError: it is not in the store, or a file is damaged.
        """
        if item_id not in self:
            raise FeatureError(f"{self}: {item_id} is not among its {len(self)} items ({self.settings})")
        features, times = (_map_array(path) for path in get_paths(self.folder, item_id)[:2])
        if len(features) != len(times) or features.shape[1:] != (self.settings.feature_size,):
            raise FeatureError(
                f"{self}: {item_id} has features {features.shape} and {len(times)} times. Make the snippets again."
            )
        return features, times


def _map_array(path: Path) -> np.ndarray:
    try:
        array: np.ndarray = np.load(path, mmap_mode="r", allow_pickle=False)
    except (OSError, ValueError, EOFError) as error:
        raise FeatureError(f"{path}: cannot be read ({error}). Make the snippets again with --verify.") from error
    return array


def format_facts(facts: BaseModel) -> str:
    """Facts as the text of a file."""
    return json.dumps(facts.model_dump(mode="json"), indent=1, ensure_ascii=False) + "\n"
