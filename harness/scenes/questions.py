"""Questions about scenes: rows to probe, and captions to choose from."""

from __future__ import annotations

from harness.rows import ChoiceRow, Row, digest
from harness.scenes.config import SceneConfig
from harness.scenes.draw import DrawnPicture
from harness.scenes.generate import make_scenes
from harness.scenes.presets import find_config
from harness.scenes.scene import RELATIONS, Scene, caption, noun, scene_pair
from harness.scenes.splits import in_split


def scene_rows(preset_or_config: str | SceneConfig = "spatial", split: str | None = None) -> list[Row]:
    """One row a scene: its true caption, its picture, and the relation or colour as label.

    Rows of one pair of objects are a group. A picture alone does not say which object the caption
    names first, or at all: of positions in it, a linear probe can read the axis and not the direction.
    Raises ConfigError.
    """
    config = find_config(preset_or_config)
    rows = []
    for scene in in_split(make_scenes(config), split):
        label, text = answer(config, scene), claims(config, scene)
        picture = DrawnPicture(scene, config.canvas)
        rows.append(Row(id=scene.id, label=label, group=scene_pair(scene), text=text[label], image=picture))
    return rows


def scene_choices(preset_or_config: str | SceneConfig = "spatial", split: str | None = None) -> list[ChoiceRow]:
    """One row a scene: captions that differ only in the relation (4) or the colour (10), one true.

    Rows of one pair of objects are a group: they share captions or nearly so. Raises ConfigError.
    """
    config = find_config(preset_or_config)
    return [choice(config, scene) for scene in in_split(make_scenes(config), split)]


def choice(config: SceneConfig, scene: Scene) -> ChoiceRow:
    """The scene's captions in an order of its own, so that no position is the right one."""
    label, texts = answer(config, scene), claims(config, scene)
    options = tuple(sorted(texts, key=lambda option: digest(scene.id, option)))
    return ChoiceRow(
        id=scene.id,
        label=label,
        group=scene_pair(scene),
        image=DrawnPicture(scene, config.canvas),
        captions=tuple(texts[option] for option in options),
        options=options,
        gold=options.index(label),
    )


def answer(config: SceneConfig, scene: Scene) -> str:
    """What is true of the scene: the relation, or the colour of the first object."""
    return scene.relation if config.kind == "spatial" else scene.objects[0].colour


def claims(config: SceneConfig, scene: Scene) -> dict[str, str]:
    """Every possible answer, and the caption that claims it."""
    if config.kind == "spatial":
        return {relation: caption(scene, relation) for relation in RELATIONS}
    return {colour: noun(colour, scene.objects[0].shape) for colour in config.colours}
