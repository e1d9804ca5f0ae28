"""Reasons as plain values: what was decided, who has a say in it, the frames and the clips behind each say."""

from __future__ import annotations

from dataclasses import dataclass, field

from finegym.applications.reasons_questions import Kind


@dataclass(frozen=True)
class Neighbour:
    """A labelled clip that looks like the one in question.

    Attributes:
        instance_id: which.
        class_id: what it is.
        class_name: for people.
        similarity: cosine of the features, -1 to 1.
    """

    instance_id: str
    class_id: str
    class_name: str
    similarity: float


@dataclass(frozen=True)
class Voice:
    """What one recogniser says of a decision, and what is behind it.

    Attributes:
        recogniser: its place among ``Reasons.recognisers``.
        probability: of the answer, by this recogniser alone.
        is_decided: whether it knows classes on either side; else the probability is 0 or 1, and nothing is behind it.
        saliency: T numbers, how much each of the frames looked at speaks for the answer, in log-odds; empty where
            nothing was decided.
        places: likewise of parts of the picture or joints, P numbers; empty where nobody asked.
        like_answer: nearest labelled clips of the classes that the answer leaves.
        like_other: of those that the other answer would have left.
    """

    recogniser: int
    probability: float
    is_decided: bool
    saliency: tuple[float, ...]
    places: tuple[float, ...]
    like_answer: tuple[Neighbour, ...]
    like_other: tuple[Neighbour, ...]


@dataclass(frozen=True)
class DecisionReasons:
    """A decision and who has a say in it.

    Attributes:
        kind: as of a ``Question``, like the next three.
        text: as people read it.
        query_id: of a query.
        answer: that the path takes.
        probability: of the answer by all who have a say together; ``None`` where nobody knows.
        voices: of the recognisers.
    """

    kind: Kind
    text: str
    query_id: str | None
    answer: bool
    probability: float | None
    voices: tuple[Voice, ...]

    @property
    def is_open(self) -> bool:
        """Whether it could have come out otherwise: somebody knows both answers, or nobody was asked."""
        return not self.voices or any(voice.is_decided for voice in self.voices)


@dataclass(frozen=True)
class AskedFacts:
    """A recogniser that was asked.

    Attributes:
        number: in the bundle, from 1; of a run 1.
        name: for people: number, modality and split.
        run: folder of the run.
        checkpoint: name of the file.
        modality: ``rgb``, ``rgb-diff``, ``flow``, ``pose`` or ``heatmap``.
        level: of its classes; empty where nothing says.
        ranked: (class id, name, probability) of what it alone takes for likeliest.
        frames: T rows of the consecutive frames that it looks at together, counted from the clip's first; -1 for none.
        places: names of the P places; empty: cells of a picture, row by row, or nobody asked.
        silence: why it has no say in any decision; empty where it has.
        nearest: nearest labelled clips whatever they are.
        num_runs: of the model, for this clip.
        seconds: of CPU time, likewise.
    """

    number: int
    name: str
    run: str
    checkpoint: str
    modality: str
    level: str
    ranked: tuple[tuple[str, str, float], ...]
    frames: tuple[tuple[int, ...], ...]
    places: tuple[str, ...]
    silence: str
    nearest: tuple[Neighbour, ...]
    num_runs: int = field(compare=False)
    seconds: float = field(compare=False)


@dataclass(frozen=True)
class Reasons:
    """Why a clip is taken for what it is.

    Attributes:
        source: path of the run or the bundle.
        instance_id: the clip.
        label: class id that somebody gave it; ``None`` where nobody did, or another level.
        answer: (id, name) of what the decisions lead to.
        ranked: (id, name, probability) of the likeliest, by all together.
        method: of the saliency.
        decisions: in order.
        recognisers: that were asked.
        notes: what could not be said, and why.
    """

    source: str
    instance_id: str
    label: str | None
    answer: tuple[str, str]
    ranked: tuple[tuple[str, str, float], ...]
    method: str
    decisions: tuple[DecisionReasons, ...]
    recognisers: tuple[AskedFacts, ...]
    notes: tuple[str, ...]
