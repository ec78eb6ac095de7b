"""What a picture shows, read off its pixels alone."""

from dataclasses import replace

import numpy as np
from hypothesis import strategies as st
from scipy import ndimage

from harness.scenes import COLOURS, KINDS, SceneConfig, draw, make_scene
from harness.scenes.draw import BACKGROUND

TELL_APART = ("red", "blue", "black")


@st.composite
def scenes_of_kind(draw_from, kind, canvas=None):
    """A scene of any config of this kind, and its canvas in pixels; its objects differ in colour."""
    words = {"shapes": KINDS[kind].shapes, "colours": tuple(COLOURS)}
    some = {
        key: tuple(draw_from(st.lists(st.sampled_from(known), min_size=2, unique=True))) for key, known in words.items()
    }
    seed, side = draw_from(st.integers(0, 2**32 - 1)), canvas or draw_from(st.sampled_from([56, 64, 96, 128, 224]))
    config = SceneConfig(name="any", kind=kind, size=1200, seed=seed, canvas=side, **some)
    return told_apart(make_scene(config, draw_from(st.integers(0, 1199)))), side


def told_apart(scene):
    """The same scene, in colours of its own where two objects share one: pixels could not say which is which."""
    if len({item.colour for item in scene.objects}) == len(scene.objects):
        return scene
    pairs = zip(scene.objects, TELL_APART, strict=False)
    return replace(scene, objects=tuple(replace(item, colour=colour) for item, colour in pairs))


def pixels_of(scene, canvas):
    """(canvas, canvas, 3) uint8."""
    return np.asarray(draw(scene, canvas))


def ink(pixels, colour):
    """Where a colour stands unmixed: (lines, columns) of bool."""
    return (pixels == COLOURS[colour]).all(axis=-1)


def inks(scene, canvas):
    """Each object's ink, in the scene's order."""
    pixels = pixels_of(scene, canvas)
    return [ink(pixels, item.colour) for item in scene.objects]


def bare(pixels):
    """Where nothing is drawn, not even the mixed edge of an object."""
    return (pixels == BACKGROUND).all(axis=-1)


def centroid(where):
    """(x, y) of the ink's middle as fractions of the canvas, y downwards."""
    lines, columns = np.nonzero(where)
    return np.array([columns.mean() + 0.5, lines.mean() + 0.5]) / len(where)


def gap(one, other):
    """Shortest way from one ink to the other, in pixels; 1 where they adjoin."""
    return ndimage.distance_transform_edt(~other)[one].min()


def surrounded(inner, outer):
    """Does all of the inner ink lie in holes of the outer?"""
    return bool((ndimage.binary_fill_holes(outer) & inner).sum() == inner.sum())


def pieces(drawn):
    """In how many pieces a drawing lies on its background, corners connecting."""
    return ndimage.label(drawn, np.ones((3, 3)))[1]
