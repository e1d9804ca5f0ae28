"""Why a clip is taken for what it is: the decisions, who decided each, the frames and the labelled clips behind it."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from pathlib import Path
from typing import Literal

from finegym.applications.bundle import open_bundle
from finegym.applications.parse.files import Parse, ParsedSubAction
from finegym.applications.reasons_asking import AskedRecogniser, Look, suggest_id
from finegym.applications.reasons_folder import is_parse, name_instances, prepare_clips, read_parse_for_reasons
from finegym.applications.reasons_model import DecisionReasons, Reasons, Voice
from finegym.applications.reasons_opening import (
    ClipsToExplain,
    OpenedRecogniser,
    open_clips_to_explain,
    open_recognisers,
)
from finegym.applications.reasons_questions import Goal, Question, find_goal, list_path, list_questions, make_pair
from finegym.applications.reasons_verdict import Verdict, reach_verdict, read_verdict
from finegym.applications.saliency import Method
from finegym.codebook.model import Codebook
from finegym.codebook.problems import suggest
from finegym.errors import AnnotationError, ConfigError


class Explainer:
    """Answers why, of as many clips as one asks about.

    Args:
        path: a run folder, or a bundle.
        dataset: folder whose clips are asked about; ``None``: that of the run. One that ``finegym parse`` wrote with
            this bundle gives the answers that are explained.
        number: which recogniser of a bundle to ask alone, from 1; ``None``: all, and what they come to together is
            explained.
        overrides: of the recipe, as for ``finegym predict``: ``data.num_segments_test=12`` shows more frames.
        checkpoint: ``last``, or epochs done.
        method: of the saliency.
        with_places: weigh parts of the picture or joints too, not only frames.
        device: ``auto`` takes a GPU where there is one.

    Raises:
        ConfigError: there is no such run, bundle or recogniser; the parse is of another bundle.
        AnnotationError: the dataset cannot be read.
        VideoError: there are no clips.
        FeatureError: there are no features as the model wants them.
    """

    def __init__(
        self,
        path: Path,
        *,
        dataset: Path | None = None,
        number: int | None = None,
        overrides: Sequence[str] = (),
        checkpoint: str = "last",
        method: Method = "occlusion",
        with_places: bool = False,
        device: Literal["auto", "cpu"] = "auto",
    ) -> None:
        self.path, self.dataset, self.method = path, dataset, method
        self.parse: Parse | None = None
        self.codebook: Codebook | None = None
        if path.is_file():
            bundle = open_bundle(path)
            self.codebook = bundle.codebook
            if dataset is not None and is_parse(dataset):
                self.parse, _ = read_parse_for_reasons(dataset, bundle.sha256)
        self.is_joint = number is None and self.codebook is not None
        self.asked: tuple[AskedRecogniser, ...] = ()
        self._with_places = with_places
        self._opened = open_recognisers(path, number=number, overrides=overrides, checkpoint=checkpoint, device=device)
        if self.parse is None:
            self._show(dataset)

    def list_instances(self) -> tuple[str, ...]:
        """Ids of the clips that can be asked about."""
        if self.parse is not None:
            return tuple(name_instances(self.parse))
        return tuple(self.asked[0].clips.labels)

    def prepare(self, instance_ids: Collection[str]) -> None:
        """Make the flow and poses of clips of a parse, all in one go; ``explain`` makes those of its own clip."""
        if self.parse is not None and self.codebook is not None and self.dataset is not None:
            self._show(
                prepare_clips(self.dataset, self.parse, self.codebook, tuple(self._opened.values()), instance_ids)
            )

    def explain(self, instance_id: str, *, against: str | None = None, num_neighbours: int = 3) -> Reasons:
        """Why a clip is taken for what it is.

        Args:
            instance_id: of the dataset.
            against: a class: why is it not that one?
            num_neighbours: labelled clips a side of each decision; 0: none. The first time, a pass over the training
                side of each recogniser's split.

        Raises:
            AnnotationError: there is no such clip.
            VideoError: it cannot be read.
            ConfigError: ``against`` is no class of a model; a model looks at one frame only; Captum is missing.
        """
        if self.parse is not None:
            _check_known(instance_id, self.list_instances())
            if not self.asked or any(each.clips.source.find_missing([instance_id]) for each in self.asked):
                self.prepare([instance_id])
        for each in self.asked:
            each.check(instance_id)
        looks = [each.look(instance_id) for each in self.asked]
        if self.is_joint and self.codebook is not None:
            return self._explain_jointly(instance_id, looks, self.codebook, against, num_neighbours)
        return self._explain_alone(instance_id, looks[0], against, num_neighbours)

    def _explain_alone(self, instance_id: str, look: Look, against: str | None, num_neighbours: int) -> Reasons:
        """What one recogniser says, and why."""
        (each,) = self.asked
        one = each.recogniser
        chosen = int(look.logits.argmax())
        questions = list_questions(chosen, one.class_ids, one.class_names, one.codebook, against)
        voices = each.answer(questions, look, 0, num_neighbours)
        facts = each.describe(instance_id, look, "", num_neighbours)
        decisions = [_decide(q, voice.probability, (voice,)) for q, voice in zip(questions, voices, strict=True)]
        return Reasons(
            source=str(self.path),
            instance_id=instance_id,
            label=each.clips.labels.get(instance_id),
            answer=(one.class_ids[chosen], one.class_names[chosen]),
            ranked=facts.ranked,
            method=self.method,
            decisions=tuple(decisions),
            recognisers=(facts,),
            notes=(each.note,) if each.note else (),
        )

    def _explain_jointly(
        self, instance_id: str, looks: Sequence[Look], codebook: Codebook, against: str | None, num_neighbours: int
    ) -> Reasons:
        """What all recognisers come to together, and why."""
        verdict = self._find_verdict(instance_id, looks, codebook)
        blind = () if self.parse is None else find_sub_action(self.parse, instance_id).left_out
        goal = verdict.goal
        steps = list(list_path(goal, [one.id for one in codebook.elements], codebook))
        probabilities = dict(verdict.probabilities)
        if against is not None:
            steps.append(self._make_pair(goal, against, codebook))
            probabilities[steps[-1].key] = verdict.compare(against)
        voices: dict[tuple[str, str | None], list[Voice]] = {}
        facts = []
        for place, (each, look) in enumerate(zip(self.asked, looks, strict=True)):
            is_blind = each.recogniser.recipe.name in blind
            questions = [] if is_blind else self._choose_questions(each, goal, against, codebook)
            for question, voice in zip(questions, each.answer(questions, look, place, num_neighbours), strict=True):
                voices.setdefault(question.key, []).append(voice)
            silence = "found no gymnast in it" if is_blind else _say_why_not(each, goal, questions)
            facts.append(each.describe(instance_id, look, silence, num_neighbours))
        labels = [each.clips.labels.get(instance_id) for each in self.asked]
        return Reasons(
            source=str(self.path),
            instance_id=instance_id,
            label=next((label for label in labels if label is not None), None),
            answer=(goal.finest, next((name for id_, name, _ in verdict.ranked if id_ == goal.finest), goal.finest)),
            ranked=verdict.ranked,
            method=self.method,
            decisions=tuple(
                _decide(one, probabilities.get(one.key), voices.get(one.key, ()))
                for one in steps
                if one.key in voices or probabilities.get(one.key) is not None
            ),
            recognisers=tuple(facts),
            notes=self._list_notes(),
        )

    def _list_notes(self) -> tuple[str, ...]:
        notes = [each.note for each in self.asked if each.note]
        if self.parse is not None:
            notes.append("The localizers of the parse have a say in event and set too; they are not asked why")
        return tuple(notes)

    def _find_verdict(self, instance_id: str, looks: Sequence[Look], codebook: Codebook) -> Verdict:
        if self.parse is not None:
            return read_verdict(find_sub_action(self.parse, instance_id), codebook)
        return reach_verdict([each.recogniser for each in self.asked], [look.probabilities for look in looks], codebook)

    def _choose_questions(
        self, each: AskedRecogniser, goal: Goal, against: str | None, codebook: Codebook
    ) -> list[Question]:
        """The decisions in which a recogniser has a say, as the parse lets it have one."""
        one = each.recogniser
        speaks_of_sets = _speaks_of_sets(one, [other.recogniser for other in self.asked], codebook)
        kinds = {"query", "class", "pair"} | ({"event", "set"} if speaks_of_sets else set())
        kinds |= {"event"} if one.level == "event" else set()
        asked = [q for q in list_path(goal, one.class_ids, codebook) if q.kind in kinds]
        if against is not None and {goal.finest, against} <= set(one.class_ids):
            asked.append(make_pair(goal.finest, against, _name(against, codebook), one.class_ids, codebook))
        return asked

    def _make_pair(self, goal: Goal, against: str, codebook: Codebook) -> Question:
        known = {id_ for each in self.asked for id_ in each.recogniser.class_ids}
        if against not in known:
            raise ConfigError(f"--against {against}: no recogniser knows it{suggest(against, sorted(known))}")
        if not any({goal.finest, against} <= set(each.recogniser.class_ids) for each in self.asked):
            raise ConfigError(
                f"--against {against}: no recogniser knows both it and {goal.finest}, which it is taken for. "
                "`finegym explain pair` says where two elements part."
            )
        return make_pair(goal.finest, against, _name(against, codebook), (goal.finest, against), codebook)

    def _show(self, folder: Path | None) -> None:
        """Open the clips of a dataset folder for every recogniser."""
        clips: dict[int, ClipsToExplain] = {
            number: open_clips_to_explain(one, folder) for number, one in self._opened.items()
        }
        if self.asked:
            for each in self.asked:
                each.show(clips[each.number])
            return
        self.asked = tuple(
            AskedRecogniser(self._opened[number], number, some, method=self.method, with_places=self._with_places)
            for number, some in clips.items()
        )


def find_sub_action(parse: Parse, instance_id: str) -> ParsedSubAction:
    """A sub-action of a parse by its id."""
    return next(
        sub
        for action in parse.actions
        for sub in action.sub_actions
        if f"{parse.record_id}_{action.name}_{sub.name}" == instance_id
    )


def _decide(question: Question, probability: float | None, voices: Sequence[Voice]) -> DecisionReasons:
    return DecisionReasons(question.kind, question.text, question.query_id, question.answer, probability, tuple(voices))


def _speaks_of_sets(one: OpenedRecogniser, asked: Sequence[OpenedRecogniser], codebook: Codebook) -> bool:
    """As ``parse.beliefs`` has it: of elements, those of several sets, if together they know all that others tell."""
    if one.level != "element":
        return one.level == "set"
    of_elements = [_find_sets(other, codebook) for other in asked if other.level == "element"]
    known = {set_id for sets in of_elements if len(sets) > 1 for set_id in sets}
    told = {set_id for other in asked if other.level == "set" for set_id in other.class_ids}
    return len(_find_sets(one, codebook)) > 1 and told <= known


def _find_sets(one: OpenedRecogniser, codebook: Codebook) -> set[str]:
    return {codebook.element_by_id[class_id].set_id for class_id in one.class_ids}


def _say_why_not(each: AskedRecogniser, goal: Goal, questions: Sequence[Question]) -> str:
    if questions:
        return ""
    if each.recogniser.level == "element":
        return f"knows no element of {goal.set_id}" if goal.element_id else "tells elements, and none is in question"
    return f"knows no {each.recogniser.level or 'class'} that is in question"


def _name(class_id: str, codebook: Codebook) -> str:
    goal = find_goal(class_id, codebook)
    if goal is None:
        return class_id
    if goal.element_id is not None:
        return codebook.element_by_id[class_id].name.strip()
    return codebook.set_by_id[class_id].name if goal.set_id else codebook.event_by_id[class_id].name


def _check_known(instance_id: str, known: Sequence[str]) -> None:
    if instance_id not in known:
        raise AnnotationError(f"{instance_id}: the parse has no such sub-action{suggest_id(instance_id, known)}")
