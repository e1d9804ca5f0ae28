"""Nothing but the motion tells two elements of a set apart.

A linear model that sees only the background (the same frames with the gymnast taken out), the length of the clip and
the leotard must not beat guessing; the same model on the joints must.
"""

from fractions import Fraction

import cv2
import numpy as np
import pytest
from scipy.stats import binom
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from finegym.simulation.broadcast import make_programme
from finegym.simulation.camera import CameraPath
from finegym.simulation.programme import RecordPlan, RoutineOrder
from finegym.simulation.render import render_shot
from finegym.simulation.scene import render_panorama

FPS = Fraction(25)
SIZE = (64, 36)


def collect_clips(codebook, set_id, element_ids, num_records, minutes=4, per_routine=4):
    """Background, body and label of every clip of some simulated records; elements drawn alike often."""
    background, body, labels, groups = [], [], [], []
    rng = np.random.default_rng(11)
    event_id = codebook.set_by_id[set_id].event_id
    is_last = codebook.attributes_by_element_id[element_ids[0]]["kind"] in ("dismount", "vault")
    for record in range(num_records):
        orders = tuple(
            RoutineOrder(
                event_id, tuple(rng.choice(element_ids, 1 if is_last else per_routine, replace=False).tolist())
            )
            for _ in range(60)
        )
        plan = RecordPlan("leakTEST___", "c", (record, 1), (record, 2), FPS, SIZE, minutes * 60 * 25, orders)
        programme = make_programme(plan, codebook)
        shots = {shot.routine: shot for shot in programme.shots if shot.kind == "routine"}
        panorama = render_panorama(programme.venue, event_id, [shot.path for shot in shots.values()])
        for index, shot in shots.items():
            routine = programme.routines[index]
            for element in routine.performance.elements:
                start, end = round(element.start * 25), round(element.end * 25)
                frames = np.linspace(start, end - 1, 4).round().astype(int)
                path = shot.path
                part = CameraPath(path.tripod, path.pan[frames], path.tilt[frames], path.focal[frames], *SIZE)
                views = [
                    cv2.resize(frame[:, :, :3], (16, 9), interpolation=cv2.INTER_AREA).astype(float)
                    for frame, _ in render_shot(part, panorama, programme.venue.lighting)
                ]
                camera = np.stack([part.pan, part.tilt, np.log(part.focal)])
                looks = (*shot.appearance.leotard, *shot.appearance.skin)
                # What stands there, what moves while it lasts, how long it lasts, what she wears.
                background.append(
                    np.concatenate(
                        [
                            views[0].mean(axis=(0, 1)) / 255,
                            *(np.abs(view - views[0]).mean(axis=(0, 1)) / 255 for view in views[1:]),
                            (camera[:, 1:] - camera[:, :1]).ravel(),
                            camera[:, 0],
                            [end - start],
                            looks,
                        ]
                    )
                )
                joints = shot.joints[np.linspace(start, end - 1, 12).round().astype(int)]
                body.append((joints - joints[:, 17:18]).ravel())
                labels.append(element_ids.index(element.element_id))
                groups.append(len(groups) if is_last else (record, index))
    return np.array(background), np.array(body), np.array(labels), groups


def count_hits(features, labels, groups):
    """Right answers on every second routine by a linear model that saw the others, and how many there were."""
    names = {group: number for number, group in enumerate(dict.fromkeys(groups))}
    train = np.array([names[group] % 2 == 0 for group in groups])
    model = make_pipeline(StandardScaler(), LogisticRegression(C=0.3, max_iter=2000))
    model.fit(features[train], labels[train])
    return int((model.predict(features[~train]) == labels[~train]).sum()), int((~train).sum())


def pick_elements(codebook, set_id, most=8):
    """Some elements of a set, spread over its list."""
    ids = [element.id for element in codebook.get_elements_of_set(set_id)]
    return [ids[i] for i in np.unique(np.linspace(0, len(ids) - 1, most).round().astype(int))]


@pytest.mark.parametrize(
    ("set_id", "num_records"),
    [
        ("UB-S1", 5),
        pytest.param("BB-S1", 8, marks=pytest.mark.slow),
        pytest.param("FX-S1", 8, marks=pytest.mark.slow),
        pytest.param("FX-S5", 8, marks=pytest.mark.slow),
        pytest.param("VT-S1", 14, marks=pytest.mark.slow),
    ],
)
def test_background_length_and_clothes_do_not_give_the_element_away(codebook, set_id, num_records):
    element_ids = pick_elements(codebook, set_id)
    background, body, labels, groups = collect_clips(codebook, set_id, element_ids, num_records)
    hits, count = count_hits(background, labels, groups)
    # Whatever a model that knows nothing answers, it is right no more often than the commonest class is common.
    chance = np.bincount(labels).max() / len(labels)
    limit = binom.ppf(0.999, count, chance)
    assert count >= 40
    assert hits <= limit, f"{set_id}: {hits} of {count} from the background alone; guessing gives {chance:.2f}"
    hits, _ = count_hits(body, labels, groups)
    assert hits > limit, f"{set_id}: only {hits} of {count} from the joints"
