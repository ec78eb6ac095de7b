"""The presets' scenes, made once, and what several test files ask of them."""

from collections import defaultdict
from dataclasses import replace
from functools import lru_cache

from harness.scenes import KINDS, PRESETS, make_scenes, scene_choices

FLAT_PRESETS = tuple(name for name, preset in PRESETS.items() if not KINDS[preset.kind].solid)
TABLE_PRESETS = tuple(name for name in PRESETS if name not in FLAT_PRESETS)
RELATION_PRESETS = tuple(name for name, preset in PRESETS.items() if KINDS[preset.kind].asks == "relation")

BEGINNING = {preset: replace(config, size=240) for preset, config in PRESETS.items()}

# which false captions there are
ASKED = {
    "spatial": ("all", "opposite", "swap", "negation"),
    "color": ("all",),
    "place": ("all", "opposite", "negation"),
    "topology": ("all", "opposite", "swap", "negation"),
    "distance": ("all", "opposite", "negation"),
    "between": ("all",),
    "tabletop": ("all", "opposite", "swap", "negation"),
    "tabletop-depth": ("all", "opposite", "swap", "negation"),
}
CHOICES = [(preset, against) for preset, ways in ASKED.items() for against in ways]


@lru_cache
def scenes_of(preset):
    return tuple(make_scenes(PRESETS[preset]))


def relations_of(preset):
    return KINDS[PRESETS[preset].kind].relations


def runs_of(preset):
    """As many scenes at a time as there are relations: minimal sets, where relations are asked."""
    scenes, step = scenes_of(preset), len(relations_of(preset))
    return [scenes[start : start + step] for start in range(0, len(scenes), step)]


def looks(scene):
    return tuple((item.shape, item.colour) for item in scene.objects)


def grouped(things, by):
    groups = defaultdict(list)
    for thing in things:
        groups[by(thing)].append(thing)
    return dict(groups)


@lru_cache
def choices_of(preset, against="all"):
    return tuple(scene_choices(preset, against=against))


def held_out(preset, against):
    """The rows of the test split."""
    ids = {scene.id for scene in scenes_of(preset) if scene.split == "test"}
    return [row for row in choices_of(preset, against) if row.id in ids]
