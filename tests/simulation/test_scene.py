import numpy as np
import pytest

from finegym.simulation.apparatus import get_apparatus_shapes
from finegym.simulation.appearance import sample_venue
from finegym.simulation.camera import CameraPath, Tripod, look_at
from finegym.simulation.hall import Surface, build_hall
from finegym.simulation.scene import render_panorama

SIZE = (160, 90)
TRIPOD = Tripod("main", (0.0, -12.0, 2.5))


@pytest.fixture(scope="module")
def venue():
    return sample_venue(np.random.default_rng(3))


def make_paths(*targets, view=4.0):
    return [look_at(t, TRIPOD, view, 6, 25.0, SIZE, np.random.default_rng(0)) for t in targets]


def find_pixel(panorama, point):
    local = panorama.rotation @ (np.array(point) - TRIPOD.position)
    u, v, w = panorama.intrinsics @ local
    return round(u / w), round(v / w), local[2]


@pytest.mark.parametrize("event_id", ["VT", "FX", "BB", "UB"])
def test_every_frame_of_the_paths_lies_in_the_panorama(venue, event_id):
    paths = make_paths((-2, 0, 1), (2, 0, 2))
    panorama = render_panorama(venue, event_id, paths)
    for path in paths:
        for frame in range(len(path)):
            corners = np.array([[x, y, 1.0] for x in (0, SIZE[0] - 1) for y in (0, SIZE[1] - 1)])
            mapped = corners @ panorama.compute_mapping(path, frame).T
            pixels = mapped[:, :2] / mapped[:, 2:]
            assert (pixels >= 0).all() and (pixels < panorama.depth.shape[::-1]).all()


def test_depth_of_known_places(venue):
    panorama = render_panorama(venue, "BB", make_paths((0, 0, 1), view=5.0))
    for point in ((1.0, -1.2, 0.2), (-1.5, -1.9, 0.2), (0.5, -0.05, 1.2)):  # mat, its near edge, front of the beam
        x, y, depth = find_pixel(panorama, point)
        assert panorama.depth[y, x] == pytest.approx(depth, abs=0.3)  # a pixel of floor is that deep


def test_what_faces_up_takes_shadows_and_what_stands_does_not(venue):
    panorama = render_panorama(venue, "BB", make_paths((0, 0, 1), view=6.0))
    x, y, _ = find_pixel(panorama, (1.0, -1.2, 0.2))
    assert panorama.image[y, x, 3] == 255
    x, y, _ = find_pixel(panorama, (0.0, 15.0, 0.5))
    assert panorama.image[y, x, 3] == 0


def test_bars_are_nearer_than_what_is_behind_them(venue):
    panorama = render_panorama(venue, "UB", make_paths((0.8, 0, 2.5), view=3.0))
    x, y, depth = find_pixel(panorama, (0.8, -1.2, 1.5))
    assert panorama.depth[y, x] == pytest.approx(depth, abs=0.1)
    assert panorama.depth[y, x + 30] > 15


def test_a_warped_frame_equals_a_frame_drawn_directly(venue):
    """Second road: draw the panorama *as* the frame and compare with warping a larger one."""
    import cv2

    path = make_paths((0.5, 0, 1.2), view=5.0)[0]
    still = CameraPath(TRIPOD, path.pan[:1], path.tilt[:1], path.focal[:1], *SIZE)
    wide = make_paths((0.5, 0, 1.2), (2.5, 0, 1.6), view=5.0)
    surfaces = build_hall(venue, "BB", get_apparatus_shapes("BB"))
    panorama = render_panorama(venue, "BB", [still, wide[1]], surfaces, sharpness=2.0)
    direct = render_panorama(venue, "BB", [still], surfaces, sharpness=2.0)
    frames = [
        cv2.warpPerspective(p.image, p.compute_mapping(still, 0), SIZE, flags=cv2.INTER_AREA | cv2.WARP_INVERSE_MAP)
        for p in (panorama, direct)
    ]
    difference = np.abs(frames[0].astype(int) - frames[1])[:, :, :3]
    assert np.median(difference) <= 3 and difference.mean() < 8


def test_same_venue_same_picture_other_venue_other_picture(venue):
    paths = make_paths((0, 0, 1))
    again = render_panorama(sample_venue(np.random.default_rng(3)), "FX", paths)
    other = render_panorama(sample_venue(np.random.default_rng(4)), "FX", paths)
    first = render_panorama(venue, "FX", paths)
    assert (first.image == again.image).all() and (first.depth == again.depth).all()
    assert (first.image != other.image).mean() > 0.5


def test_hall_holds_the_boxes_of_the_apparatus(venue):
    bare = build_hall(venue, "BB", ())
    furnished = build_hall(venue, "BB", get_apparatus_shapes("BB"))
    assert len(furnished) == len(bare) + 5 * len(get_apparatus_shapes("BB"))
    assert all(isinstance(surface, Surface) and surface.texture.dtype == np.uint8 for surface in furnished)
