"""Dawid and Skene's model: their own example, a slow reference, an independent library's likelihood, known truths."""

import numpy as np
import pytest

from finegym.quality.dawid_skene import NO_PRIOR, WEAK_PRIOR, Prior, Votes, compute_vote_shares, fit_dawid_skene

# Dawid and Skene 1979, Table 1: 45 patients, classes 1 to 4; the first anaesthetist saw each form three times.
PATIENTS = """
111 1 1 1 1|333 4 3 3 4|112 2 1 2 2|222 3 1 2 1|222 3 2 2 2|222 3 3 2 2|122 2 1 1 1|333 3 4 3 3|222 2 2 2 3|232 2 2 2 3
444 4 4 4 4|222 3 3 4 3|111 1 1 1 1|222 3 2 1 2|121 1 1 1 1|111 2 1 1 1|111 1 1 1 1|111 1 1 1 1|222 2 2 2 1|222 1 3 2 2
222 2 2 2 2|222 2 2 2 1|222 3 2 2 2|221 2 2 2 2|111 1 1 1 1|111 1 1 1 1|232 2 2 2 2|111 1 1 1 1|111 1 1 1 1|112 1 1 2 1
111 1 1 1 1|333 3 2 3 3|111 1 1 1 1|222 2 2 2 2|222 3 2 3 2|433 4 3 4 3|221 2 2 3 2|232 3 2 3 3|333 3 4 3 2|111 1 1 1 1
111 1 1 1 1|121 2 1 1 1|232 2 2 2 2|121 1 1 1 1|222 2 2 2 2
"""


def make_votes(rows, num_classes, num_answers=None, kind=None):
    """Votes of rows (question, annotator, answer)."""
    columns = np.array(rows, np.int64).T
    num_questions, num_annotators = columns[0].max() + 1, columns[1].max() + 1
    return Votes(*columns, num_questions, num_annotators, num_classes, num_answers or num_classes, kind)


@pytest.fixture(scope="module")
def patients():
    rows = []
    for patient, text in enumerate(PATIENTS.replace("\n", "|").strip("|").split("|")):
        for observer, answers in enumerate(text.split()):
            rows += [(patient, observer, int(answer) - 1) for answer in answers]
    assert len(rows) == 45 * 7
    return make_votes(rows, 4)


def test_published_example(patients):
    fit = fit_dawid_skene(patients, NO_PRIOR, tolerance=1e-9)
    assert fit.is_converged
    # Their Table 2: frequencies of the classes, and the error rates of the first observer.
    assert fit.prevalence[0] == pytest.approx([0.40, 0.42, 0.11, 0.07], abs=0.005)
    expected = [[0.89, 0.11, 0, 0], [0.07, 0.88, 0.05, 0], [0, 0.34, 0.66, 0], [0, 0, 0.56, 0.44]]
    assert fit.confusion[0] == pytest.approx(np.array(expected), abs=0.006)


def fit_slowly(votes, prior, num_rounds):
    """The paper's equations, one sum at a time, with dictionaries."""
    rows = list(zip(votes.question.tolist(), votes.annotator.tolist(), votes.answer.tolist(), strict=True))
    classes, answers = range(votes.num_classes), range(votes.num_answers)
    kinds = votes.kinds.tolist()
    belief = {}
    for q in range(votes.num_questions):
        named = [x for p, _, x in rows if p == q and x < votes.num_classes]
        for k in classes:
            belief[q, k] = named.count(k) / len(named) if named else 1 / votes.num_classes
    for _ in range(num_rounds):
        matrix, frequency = {}, {}
        for a in range(votes.num_annotators):
            for k in classes:
                counts = [prior.right if x == k else prior.wrong / (votes.num_answers - 1) for x in answers]
                for q, who, x in rows:
                    if who == a:
                        counts[x] += belief[q, k]
                for x in answers:
                    matrix[a, k, x] = counts[x] / sum(counts) if sum(counts) else 1 / votes.num_answers
        for kind in set(kinds):
            counts = [
                prior.frequency + sum(belief[q, k] for q in range(votes.num_questions) if kinds[q] == kind)
                for k in classes
            ]
            for k in classes:
                frequency[kind, k] = counts[k] / sum(counts)
        for q in range(votes.num_questions):
            likely = [frequency[kinds[q], k] for k in classes]
            for p, a, x in rows:
                if p == q:
                    likely = [value * matrix[a, k, x] for k, value in enumerate(likely)]
            for k in classes:
                belief[q, k] = likely[k] / sum(likely)
    return np.array([[belief[q, k] for k in classes] for q in range(votes.num_questions)])


def test_equals_the_slow_reference(patients):
    fast = fit_dawid_skene(patients, NO_PRIOR, max_rounds=7, tolerance=0)
    assert fast.posterior == pytest.approx(fit_slowly(patients, NO_PRIOR, 7), abs=1e-12)


@pytest.mark.parametrize("prior", [WEAK_PRIOR, Prior(2, 1.5, 0.5)])
def test_equals_the_slow_reference_with_unsure_answers_kinds_and_prior(prior):
    rng = np.random.default_rng(5)
    rows = [(q, a, int(rng.integers(3))) for q in range(30) for a in range(4) if a == q % 4 or rng.random() < 0.6]
    votes = make_votes(rows, 2, 3, kind=np.arange(30) % 3)
    fast = fit_dawid_skene(votes, prior, max_rounds=5, tolerance=0)
    assert fast.posterior == pytest.approx(fit_slowly(votes, prior, 5), abs=1e-12)


def test_likelihood_never_falls(patients):
    last = -np.inf
    for num_rounds in range(1, 15):
        fit = fit_dawid_skene(patients, NO_PRIOR, max_rounds=num_rounds, tolerance=0)
        likely = fit.prevalence[0][None].repeat(45, axis=0)
        for q, a, x in zip(patients.question, patients.annotator, patients.answer, strict=True):
            likely[q] *= fit.confusion[a, :, x]
        now = np.log(likely.sum(axis=1)).sum()
        assert now >= last - 1e-9
        last = now


def test_known_annotators_are_recognised_and_the_truth_with_them():
    rng = np.random.default_rng(2)
    truth = rng.random(3000) < 0.3
    accuracy = np.array([0.95, 0.85, 0.75, 0.5])
    rows = [
        (q, a, int(truth[q] if rng.random() < accuracy[a] else not truth[q])) for q in range(3000) for a in range(4)
    ]
    votes = make_votes(rows, 2)
    fit = fit_dawid_skene(votes, WEAK_PRIOR)
    found = (fit.confusion[:, 0, 0] + fit.confusion[:, 1, 1]) / 2
    assert found == pytest.approx(accuracy, abs=0.03)
    assert fit.prevalence[0, 1] == pytest.approx(0.3, abs=0.03)
    by_trust = (fit.posterior.argmax(axis=1) == truth).mean()
    by_majority = (compute_vote_shares(votes)[:, 1] > 0.5).astype(int)
    assert by_trust > (by_majority == truth).mean()
    # Calibrated: of what it is 90 to 95 % sure of, about as much is right.
    sure = fit.posterior.max(axis=1)
    some = (sure > 0.9) & (sure < 0.95)
    assert abs((fit.posterior.argmax(axis=1) == truth)[some].mean() - sure[some].mean()) < 0.06


def test_degenerate_votes():
    one = fit_dawid_skene(make_votes([(0, 0, 1)], 2), WEAK_PRIOR)
    assert one.posterior[0, 1] > 0.5
    unsure = fit_dawid_skene(make_votes([(0, 0, 2), (0, 1, 2)], 2, 3), WEAK_PRIOR)
    assert unsure.posterior[0] == pytest.approx([0.5, 0.5])
    alike = fit_dawid_skene(make_votes([(q, a, 0) for q in range(5) for a in range(3)], 2), NO_PRIOR)
    assert alike.posterior[:, 0] == pytest.approx(np.ones(5)) and np.isfinite(alike.confusion).all()
