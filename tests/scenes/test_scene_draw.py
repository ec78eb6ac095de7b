"""Pictures: the pixels show what the scene says, and a seed gives the same ones."""

import io
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from harness.scenes import COLOURS, PRESETS, SHAPES, DrawnPicture, SceneConfig, draw, make_scene, make_scenes
from harness.scenes.draw import BACKGROUND

SPATIAL, COLOR = PRESETS["spatial"], PRESETS["color"]


def found(pixels, colour):
    """Where a colour stands in a picture, unmixed: (lines, columns) of its pixels."""
    return np.nonzero((pixels == COLOURS[colour]).all(axis=-1))


def relation_in(pixels, first, second):
    """The relation of two colours' centroids."""
    (y1, x1), (y2, x2) = ([axis.mean() for axis in found(pixels, colour)] for colour in (first, second))
    if abs(x1 - x2) > abs(y1 - y2):
        return "left of" if x1 < x2 else "right of"
    return "above" if y1 < y2 else "below"


@given(seed=st.integers(0, 2**32 - 1), index=st.integers(0, 2999), canvas=st.sampled_from([40, 64, 96, 224]))
@settings(max_examples=150, deadline=None)
def test_the_pixels_show_the_relation(seed, index, canvas):
    scene = make_scene(replace(SPATIAL, seed=seed, canvas=canvas), index)
    pixels = np.asarray(draw(scene, canvas))
    assert pixels.shape == (canvas, canvas, 3)
    first, second = (item.colour for item in scene.objects)
    if first != second:
        assert relation_in(pixels, first, second) == scene.relation
    else:  # one colour: the pixels tell the axis, not which object is which
        lines, columns = (np.ptp(axis) for axis in found(pixels, first))
        assert (scene.relation in ("left of", "right of")) == (columns > lines)


@pytest.mark.parametrize("preset", PRESETS.values(), ids=PRESETS)
def test_every_object_is_clearly_visible(preset):
    for scene in make_scenes(preset)[:400]:
        pixels = np.asarray(draw(scene, preset.canvas))
        for item in scene.objects:
            assert len(found(pixels, item.colour)[0]) > 30
            away = np.abs(np.array(COLOURS[item.colour]) - BACKGROUND)
            assert away.max() > 80


@pytest.mark.parametrize("shape", SHAPES)
def test_a_shape_fills_its_box(shape):
    config = SceneConfig(name="box", canvas=100, size=200, colours=("red", "blue"))
    for scene in make_scenes(config):
        if scene.objects[0].shape != shape or scene.objects[0].colour == scene.objects[1].colour:
            continue
        item = scene.objects[0]
        pixels = np.asarray(draw(scene, config.canvas)).astype(int)
        # any tint of the object counts here: its tips are mixed with the background
        other = COLOURS[scene.objects[1].colour]
        tinted = (pixels != BACKGROUND).any(axis=-1)
        toward = np.abs(pixels - COLOURS[item.colour]).sum(-1) <= np.abs(pixels - other).sum(-1)
        near = box_around(item, config.canvas)
        lines, columns = np.nonzero((tinted & toward)[near])
        for axis in (lines, columns):
            assert np.ptp(axis) + 1 == pytest.approx(item.size * config.canvas, abs=2)


def box_around(item, canvas):
    start = [max(0, int((centre - item.size / 2) * canvas) - 2) for centre in (item.y, item.x)]
    end = [int((centre + item.size / 2) * canvas) + 3 for centre in (item.y, item.x)]
    return tuple(slice(a, b) for a, b in zip(start, end, strict=True))


def test_a_colour_scene_shows_its_two_colours_only():
    for scene in make_scenes(COLOR)[:200]:
        pixels = np.asarray(draw(scene, COLOR.canvas))
        shown = {colour for colour in COLOURS if len(found(pixels, colour)[0]) > 30}
        assert shown == {item.colour for item in scene.objects}


def test_the_same_scene_gives_the_same_bytes():
    def png(config, index):
        file = io.BytesIO()
        draw(make_scene(config, index), config.canvas).save(file, format="PNG")
        return file.getvalue()

    assert png(SPATIAL, 5) == png(replace(SPATIAL), 5)
    assert png(SPATIAL, 5) != png(replace(SPATIAL, seed=1), 5)


def test_a_picture_is_named_keyed_and_opened():
    scene = make_scene(SPATIAL, 3)
    picture = DrawnPicture(scene, 64)
    assert picture.name == "spatial-00003"
    assert (picture.open().mode, picture.open().size) == ("RGB", (64, 64))
    assert picture.key() == DrawnPicture(scene, 64).key() != DrawnPicture(scene, 32).key()


def test_a_key_depends_on_the_pixels_alone():
    scene = make_scene(SPATIAL, 3)
    assert DrawnPicture(replace(scene, id="another"), 64).key() == DrawnPicture(scene, 64).key()
    keys = {DrawnPicture(scene, 64).key() for scene in make_scenes(SPATIAL)}
    assert len(keys) == SPATIAL.size
