"""Drawing: the shapes and colours there are, and a scene's pixels."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING

from harness.rows import digest
from harness.scenes.kinds import COLOURS
from harness.scenes.render import kept, render_key, rendered
from harness.scenes.scene import Scene, SceneObject
from harness.sources import store_dir

if TYPE_CHECKING:
    from PIL.Image import Image

Outline = tuple[tuple[float, float], ...]

BACKGROUND = (245, 245, 245)
OVERSAMPLING = 4  # drawn this many times larger, then averaged: smooth edges from whole numbers


def _fitted(points: list[tuple[float, float]]) -> Outline:
    """Stretch an outline to fill the unit box around 0, so that an object's size is its box's side."""
    columns, lines = zip(*points, strict=True)
    left, top = min(columns), min(lines)
    width, height = max(columns) - left, max(lines) - top
    return tuple(((x - left) / width - 0.5, (y - top) / height - 0.5) for x, y in points)


def _around(radii: list[float]) -> Outline:
    """An outline from radii at equal angles, the first one pointing up."""
    turns = [2 * math.pi * k / len(radii) for k in range(len(radii))]
    return _fitted([(r * math.sin(t), -r * math.cos(t)) for r, t in zip(radii, turns, strict=True)])


def _heart() -> Outline:
    turns = [2 * math.pi * k / 64 for k in range(64)]
    return _fitted(
        [
            (16 * math.sin(t) ** 3, -(13 * math.cos(t) - 5 * math.cos(2 * t) - 2 * math.cos(3 * t) - math.cos(4 * t)))
            for t in turns
        ]
    )


def _cross() -> Outline:
    near, far = 1.0, 3.0  # bars a third of the box wide
    quarter = [(near, -far), (near, -near), (far, -near)]
    points = list(quarter)
    for _ in range(3):
        quarter = [(-y, x) for x, y in quarter]
        points += quarter
    return _fitted(points)


SHAPES: Mapping[str, Outline] = {
    "circle": _around([1.0] * 64),
    "square": _fitted([(0, 0), (1, 0), (1, 1), (0, 1)]),
    "triangle": _fitted([(1, 0), (2, 2), (0, 2)]),
    "star": _around([1.0, 0.42] * 5),
    "cross": _cross(),
    "heart": _heart(),
}


def draw(scene: Scene, canvas: int) -> Image:
    """The scene in RGB, `canvas` pixels a side; smaller objects lie on top of larger ones.

    Scenes on a table are rendered once and kept in the store. Raises DataUnavailable without the renderer.
    """
    from PIL import Image, ImageDraw

    if scene.azimuth is not None:
        return rendered(scene.objects, scene.azimuth, canvas, store_dir() / "pictures")

    side = canvas * OVERSAMPLING
    image = Image.new("RGB", (side, side), BACKGROUND)
    pen = ImageDraw.Draw(image)
    for item in sorted(scene.objects, key=lambda item: -item.size):
        pen.polygon(_corners(item, side), fill=COLOURS[item.colour])
    return image.reduce(OVERSAMPLING)


def _corners(item: SceneObject, side: int) -> list[tuple[int, int]]:
    # polygons cover their last row and column, hence one pixel less than the box
    reach = item.size * side - 1
    left, top = item.x * side - 0.5, item.y * side - 0.5
    return [(round(left + x * reach), round(top + y * reach)) for x, y in SHAPES[item.shape]]


@dataclass(frozen=True, slots=True)
class DrawnPicture:
    """A scene as a Picture: drawn when opened, so that a data set of scenes needs no files."""

    scene: Scene
    canvas: int  # px a side

    @property
    def name(self) -> str:
        """The scene's id."""
        return self.scene.id

    def key(self) -> str:
        """Digest of the pixels, or of what they are rendered from: equal keys, equal pixels."""
        return _key(self.scene, self.canvas)

    def open(self) -> Image:
        """The pixels, in RGB."""
        return draw(self.scene, self.canvas)

    def preview(self, side: int) -> Image:
        """The pixels, in RGB, unless they have to be rendered. Raises PictureError."""
        if self.scene.azimuth is None:
            return self.open()
        return kept(self.scene.objects, self.scene.azimuth, self.canvas, store_dir() / "pictures")


@lru_cache(maxsize=16384)  # a key is asked for by every model and costs a drawing
def _key(scene: Scene, canvas: int) -> str:
    if scene.azimuth is not None:
        return render_key(scene.objects, scene.azimuth, canvas)  # what determines the pixels: no need to render
    image = draw(scene, canvas)
    return digest("RGB", f"{image.width}x{image.height}", image.tobytes())
