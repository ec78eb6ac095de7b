"""Pictures: the pixels show what the scene says, and a seed gives the same ones."""

import io
from dataclasses import replace

import numpy as np
import pytest
from scene_pixels import ink
from scene_sets import FLAT_PRESETS, scenes_of

from harness.scenes import COLOURS, PRESETS, SHAPES, DrawnPicture, SceneConfig, draw, make_scene, make_scenes
from harness.scenes.draw import BACKGROUND

SPATIAL, COLOR = PRESETS["spatial"], PRESETS["color"]


@pytest.mark.parametrize("preset", FLAT_PRESETS)
def test_every_object_is_clearly_visible(preset):
    least = 30 if preset in ("spatial", "color", "topology") else 15  # px: a star of a tenth of the canvas
    for scene in scenes_of(preset)[:400]:
        pixels = np.asarray(draw(scene, PRESETS[preset].canvas))
        for item in scene.objects:
            assert ink(pixels, item.colour).sum() > least
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
        shown = {colour for colour in COLOURS if ink(pixels, colour).sum() > 30}
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


@pytest.mark.parametrize("preset", FLAT_PRESETS)
def test_no_two_scenes_look_the_same(preset):
    keys = {DrawnPicture(scene, 64).key() for scene in scenes_of(preset)}
    assert len(keys) == PRESETS[preset].size
