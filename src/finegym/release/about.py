"""What only people know of a dataset (``about.toml``): who made it and why, its licence, how the data was collected.

Cards, datasheet and Croissant metadata are made from the data and from this; what is not said here is said to be
unknown, question by question, and counted.
"""

from __future__ import annotations

import datetime
from typing import Annotated

from pydantic import AfterValidator, Field

from finegym.release.toml_files import Strict

ABOUT_FILE = "about.toml"


def _check_address(text: str) -> str:
    if not text.startswith(("https://", "http://")):
        raise ValueError(f"expected an address that begins with https://, got {text!r}")
    return text


Address = Annotated[str, AfterValidator(_check_address)]
Line = Annotated[str, Field(min_length=1)]


class Creator(Strict):
    """A person or an organization that made the dataset."""

    name: Line
    url: Address | None = None
    is_organization: bool = False


class About(Strict):
    """``about.toml``. The first block is what Croissant asks for, the rest are the questions of the datasheet.

    Source of the questions: Gebru et al., Datasheets for Datasets, 2021, arXiv:1803.09010.
    """

    title: Line | None = None
    description: Line | None = None
    url: Address | None = None
    licence: Line | None = None
    creators: tuple[Creator, ...] = ()
    date_published: datetime.date | None = None
    citation: Line | None = None
    keywords: tuple[str, ...] = ()
    contact: Line | None = None

    purpose: Line | None = None
    funding: Line | None = None
    source_of_records: Line | None = None
    selection_of_records: Line | None = None
    collection_period: Line | None = None
    consent: Line | None = None
    personal_data: Line | None = None
    ethical_review: Line | None = None
    annotators: Line | None = None
    compensation: Line | None = None
    known_errors: Line | None = None
    biases: Line | None = None
    uses: Line | None = None
    uses_to_avoid: Line | None = None
    distribution: Line | None = None
    maintenance: Line | None = None
    withdrawal: Line | None = None


CROISSANT_REQUIRES = ("description", "url", "licence", "creators", "date_published")


def list_unanswered(about: About) -> tuple[str, ...]:
    """The keys of ``about.toml`` that say nothing, in its order.

    Example:
        >>> list_unanswered(About(title="Gym"))[:3]
        ('description', 'url', 'licence')
    """
    return tuple(name for name in About.model_fields if not getattr(about, name))
