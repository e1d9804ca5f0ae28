"""Motions for attributes: of an element of the codebook, of one with something changed, or of neither."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch

from finegym.applications.generation import flow
from finegym.applications.generation.cleanup import clean_up
from finegym.applications.generation.coding import NUM_VALUES, decode, keep_bones
from finegym.applications.generation.motions import Motions
from finegym.applications.generation.run_folder import Generator
from finegym.codebook.model import Attributes, AttributeValue, Codebook
from finegym.errors import ConfigError

NO_ELEMENT = -1
"""Index of what is no element of the codebook."""
_BATCH = 128


@dataclass(frozen=True)
class Request:
    """What is asked for.

    Attributes:
        name: for people.
        event_id: of the codebook.
        attributes: all that are known.
        element_index: of the element with exactly these, or ``NO_ELEMENT``.
    """

    name: str
    event_id: str
    attributes: Attributes
    element_index: int


def make_requests(
    codebook: Codebook, element_ids: Sequence[str], event_id: str | None, changes: Mapping[str, AttributeValue]
) -> tuple[Request, ...]:
    """Requests for elements, each with changes, or for an event and attributes alone.

    Raises:
        ConfigError: neither elements nor an event, both, or an element that the codebook does not have.
    """
    if bool(element_ids) == (event_id is not None):
        raise ConfigError("ask for elements (--element) or for an event with attributes (--event), one of the two.")
    if event_id is not None:
        asked = [(event_id, event_id, dict(changes))]
    else:
        missing = [id_ for id_ in element_ids if id_ not in codebook.element_by_id]
        if missing:
            raise ConfigError(
                f"codebook {codebook.name} has no element {missing[0]!r}. `finegym codebook show` lists them."
            )
        asked = [
            (id_, codebook.get_event_of_element(id_).id, {**codebook.attributes_by_element_id[id_], **changes})
            for id_ in element_ids
        ]
    texts = " ".join(f"{name}={value}" for name, value in changes.items())
    return tuple(
        Request(f"{name} {texts}".strip(), event, attributes, find_element(codebook, event, attributes))
        for name, event, attributes in asked
    )


def find_element(codebook: Codebook, event_id: str, attributes: Attributes) -> int:
    """Place of the element of an event with exactly these attributes, or ``NO_ELEMENT``."""
    for index, element in enumerate(codebook.elements):
        same = codebook.attributes_by_element_id[element.id] == dict(attributes)
        if same and codebook.get_event_of_element(element.id).id == event_id:
            return index
    return NO_ELEMENT


def draw_motions(
    generator: Generator,
    attributes: np.ndarray,
    element_index: np.ndarray,
    seed: int,
    *,
    steps: int | None = None,
    guidance: float | None = None,
) -> Motions:
    """Generate a motion for every row, as it comes: neither bones nor flights are right (see ``cleanup``).

    Args:
        generator: of a run.
        attributes: float32 (N, A), vectors of its space.
        element_index: int (N,), what the motions are called.
        seed: of the noise.
        steps: of the flow; the recipe's by default.
        guidance: the recipe's by default.
    """
    sampling, T = generator.recipe.sampling, generator.recipe.data.num_frames
    device = next(generator.network.parameters()).device
    chance = torch.Generator().manual_seed(seed)
    noise = torch.randn(len(attributes), T, NUM_VALUES, generator=chance)
    values = [
        flow.sample(
            generator.network, some.to(device), wanted.to(device),
            steps=sampling.steps if steps is None else steps,
            guidance=sampling.guidance if guidance is None else guidance,
            shift=generator.recipe.train.time_shift,
        ).cpu()
        for some, wanted in zip(noise.split(_BATCH), torch.from_numpy(attributes).split(_BATCH), strict=True)
    ]  # fmt: skip
    return decode(torch.cat(values).numpy(), generator.scaling, np.asarray(element_index))


def draw_requests(
    generator: Generator,
    requests: Sequence[Request],
    count: int,
    seed: int,
    guidance: float | None = None,
    cleanup: bool = True,
) -> tuple[Motions, np.ndarray]:
    """``count`` motions of every request, request by request, fit to be drawn.

    Returns:
        The motions, and how far cleaning up moved a joint, metres, float64 (N,); without ``cleanup`` bones get one
        length each, and nothing is moved.

    Raises:
        ConfigError: a request has attributes that the generator does not know.
    """
    vectors = np.stack([generator.space.encode(request.event_id, request.attributes) for request in requests])
    indices = np.array([request.element_index for request in requests])
    motions = draw_motions(generator, vectors.repeat(count, axis=0), indices.repeat(count), seed, guidance=guidance)
    if not cleanup:
        return replace(motions, joints=keep_bones(motions.joints)), np.zeros(len(motions))
    events = [request.event_id for request in requests for _ in range(count)]
    return clean_up(motions, events, str(next(generator.network.parameters()).device))
