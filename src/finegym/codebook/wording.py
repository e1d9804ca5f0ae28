"""Rules about the words of a codebook: texts that differ only in looks, stray characters, slips, names twice."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from finegym.codebook.model import Codebook
from finegym.codebook.problems import Place, Places, Problem
from finegym.codebook.tree import get_paths

# A number and what it counts: ("1.5", "twist").
AMOUNT = re.compile(r"(?<![\d.])(\d+(?:\.\d+)?)\s+([^\W\d_]+)")
_WORD = re.compile(r"[^\W\d_]+")
# Misspellings of words that the sport's texts use; others are found by comparing the codebook with itself.
MISSPELLINGS = {
    "arabesk": "arabesque",
    "backword": "backward",
    "foward": "forward",
    "handsping": "handspring",
    "seperate": "separate",
    "seperated": "separated",
    "seperation": "separation",
    "sissone": "sissonne",
    "streched": "stretched",
    "tsukahra": "tsukahara",
}
_COMMON = 5  # a word of at least so many texts is the right spelling of one that occurs once


@dataclass(frozen=True, slots=True)
class _Text:
    """A text of the codebook, what it belongs to, and the elements that it concerns."""

    owner: str
    text: str
    place: Place | None
    element_ids: tuple[str, ...]
    set_id: str | None = None
    is_question: bool = False


def fold_text(text: str) -> str:
    """What is left of a text without case, accents, blanks and punctuation.

    Example:
        >>> fold_text("Salto  with turn ?") == fold_text("salto with Turn?")
        True
    """
    plain = unicodedata.normalize("NFKD", text).casefold()
    return "".join(character for character in plain if character.isalnum())


def list_ids(ids: Sequence[str], limit: int = 12) -> str:
    """Ids for a message; the problem itself carries all of them.

    Example:
        >>> list_ids(["1", "2", "3"], limit=2)
        '1, 2 and 1 more'
    """
    more = len(ids) - limit
    return ", ".join(ids[:limit]) + (f" and {more} more" if more > 0 else "")


def _collect_texts(codebook: Codebook, places: Places) -> list[_Text]:
    elements_of_query: dict[str, list[str]] = {}
    for tree in codebook.trees:
        for element_id, path in get_paths(tree).items():
            for step in path:
                elements_of_query.setdefault(step.query_id, []).append(element_id)
    texts = [_Text(f"event {event.id}", event.name, places.get(("event", event.id)), ()) for event in codebook.events]
    texts += [_Text(f"set {one.id}", one.name, places.get(("set", one.id)), (), one.id) for one in codebook.sets]
    texts += [
        _Text(f"element {one.id}", one.name, places.get(("element", one.id)), (one.id,), one.set_id)
        for one in codebook.elements
    ]
    for query in codebook.queries:
        ids = tuple(elements_of_query.get(query.id, ()))
        texts.append(_Text(f"query {query.id}", query.text, places.get(("query", query.id)), ids, is_question=True))
    return texts


def check_texts(codebook: Codebook, places: Places) -> Iterator[Problem]:
    """Blanks too many, brackets that do not close, questions that do not ask, writing of another language."""
    for text in _collect_texts(codebook, places):
        for kind, flaw in _find_flaws(text):
            message = f'{text.owner}: {flaw}: "{text.text}"'
            if text.is_question and text.element_ids:
                message += f"; elements {list_ids(text.element_ids)}"
            yield Problem("warning", kind, message, text.place, text.element_ids, text.set_id)


def _find_flaws(text: _Text) -> Iterator[tuple[str, str]]:
    words = text.text
    if words != words.strip():
        where = "leading" if words != words.lstrip() else "trailing"
        yield "trailing-blanks", f"{where} blanks"
    inner = words.strip()
    if re.search(r"\s\s", inner) or re.search(r"\s[,;:.?!)]|\(\s", inner):
        yield "odd-blanks", "doubled blanks, or blanks before punctuation"
    if any(inner.count(opening) != inner.count(closing) for opening, closing in ("()", "[]", "{}")):
        yield "unbalanced-brackets", "brackets that do not close"
    if text.is_question and "?" not in unicodedata.normalize("NFKC", inner):
        yield "no-question", "a query without a question mark"
    foreign = [character for character in inner if ord(character) > 0x24F and character.isalpha()]
    if foreign:
        yield "foreign-script", f"characters of another script ({''.join(foreign[:8])})"
    if any(unicodedata.category(character) in ("Cc", "Cf", "Co", "Cn") for character in inner):
        yield "odd-character", "invisible characters"


def check_spelling(codebook: Codebook, places: Places) -> Iterator[Problem]:
    """A word that occurs once and is a slip away from a common one; known misspellings; a word with and without accent.

    A slip is a letter left out, added, or exchanged with its neighbour. Another letter in its place is not taken for
    one: "hip" and "hop" are both meant.
    """
    texts = _collect_texts(codebook, places)
    owners: dict[str, list[_Text]] = {}
    for text in texts:
        for word in dict.fromkeys(_WORD.findall(text.text.replace("_", " ").casefold())):
            owners.setdefault(word, []).append(text)
    common = [word for word, where in owners.items() if len(where) >= _COMMON and len(word) > 3]
    for word, where in owners.items():
        better = MISSPELLINGS.get(word)
        kind, remark = "misspelt", f'"{word}" looks misspelt'
        if better is None and not word.isascii():
            plain = _drop_accents(word)
            if plain != word and plain in owners:
                better, kind, remark = plain, "two-spellings", f'"{word}" is also written without accent'
        if better is None and len(where) == 1 and len(word) > 2:
            better = next((other for other in common if _is_slip(word, other)), None)
        if better is None:
            continue
        for text in where:
            message = f'{text.owner}: {remark}, compare "{better}": "{text.text.strip()}"'
            if text.is_question and text.element_ids:
                message += f"; elements {list_ids(text.element_ids)}"
            yield Problem("warning", kind, message, text.place, text.element_ids, text.set_id)


def _is_slip(rare: str, common: str) -> bool:
    if rare in (f"{common}s", f"{common}d", f"{common}r", f"{common}y") or common in (
        f"{rare}s",
        f"{rare}d",
        f"{rare}r",
    ):
        return False  # an ending, not a slip
    if len(rare) == len(common):
        return rare != common and any(
            rare[:i] + rare[i + 1] + rare[i] + rare[i + 2 :] == common for i in range(len(rare) - 1)
        )
    shorter, longer = sorted((rare, common), key=len)
    return len(longer) - len(shorter) == 1 and any(longer[:i] + longer[i + 1 :] == shorter for i in range(len(longer)))


def _drop_accents(word: str) -> str:
    return "".join(letter for letter in unicodedata.normalize("NFKD", word) if not unicodedata.combining(letter))


def check_alike_queries(codebook: Codebook, places: Places) -> Iterator[Problem]:
    """Queries that differ only in case, blanks, accents or punctuation are one query written twice."""
    groups: dict[str, list[_Text]] = {}
    for text in _collect_texts(codebook, places):
        if text.is_question:
            groups.setdefault(fold_text(text.text), []).append(text)
    for group in groups.values():
        if len(group) < 2:
            continue
        ids = tuple(element_id for text in group for element_id in text.element_ids)
        written = " / ".join(f'"{text.text}"' for text in group)
        named = ", ".join(text.owner.removeprefix("query ") for text in group)
        how = (
            "are the same" if len({text.text for text in group}) == 1 else "differ only in case, blanks or punctuation"
        )
        message = f"queries {named} {how}: {written}; asked for elements {list_ids(ids)}"
        yield Problem("warning", "alike-queries", message, group[1].place, ids)


def check_alike_names(codebook: Codebook, places: Places) -> Iterator[Problem]:
    """A name stands for one element: inside a set that is a must, in an event and beyond it is good to know."""
    sets, elements = codebook.set_by_id, codebook.element_by_id
    in_set: dict[tuple[str, str], list[str]] = {}
    anywhere: dict[str, list[str]] = {}
    for element in codebook.elements:
        in_set.setdefault((element.set_id, fold_text(element.name)), []).append(element.id)
        anywhere.setdefault(" ".join(element.name.split()), []).append(element.id)
    for (set_id, _), ids in in_set.items():
        if len(ids) > 1:
            names = {" ".join(elements[element_id].name.split()) for element_id in ids}
            yield _report_in_set(set_id, ids, sorted(names), places.get(("element", ids[1])))
    across: list[list[str]] = []
    for ids in anywhere.values():
        by_set = {elements[element_id].set_id for element_id in ids}
        if len(by_set) > len({sets[set_id].event_id for set_id in by_set}):
            where = ", ".join(f"{element_id} ({elements[element_id].set_id})" for element_id in ids)
            message = f'the name "{elements[ids[0]].name.strip()}" stands for elements {where}; it is no key, use ids'
            place = places.get(("element", ids[1]))
            yield Problem("warning", "name-twice-in-event", message, place, tuple(ids))
        elif len(by_set) > 1:
            across.append(ids)
    if across:
        # Natural where one movement is done on two apparatus, so one warning for all of them.
        listed = list_ids(["/".join(ids) for ids in across])
        message = f"{len(across)} names stand for elements of several events ({listed}); a name is no key, use ids"
        together = tuple(element_id for ids in across for element_id in ids)
        yield Problem("warning", "name-in-several-events", message, places.get(("element", across[0][1])), together)


def _report_in_set(set_id: str, ids: list[str], names: list[str], place: Place | None) -> Problem:
    if len(names) < len(ids):
        message = f'set {set_id}: elements {list_ids(ids)} have one name, "{names[0]}"; names are unique in a set'
        return Problem("error", "same-name", message, place, tuple(ids), set_id)
    listed = " / ".join(f'"{name}"' for name in names)
    message = f"set {set_id}: names of elements {list_ids(ids)} differ only in case or punctuation: {listed}"
    return Problem("warning", "alike-names", message, place, tuple(ids), set_id)
