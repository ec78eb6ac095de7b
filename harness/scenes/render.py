"""Rendering: the picture of a table with solids on it, by Mitsuba 3 (Jakob et al. 2022, mitsuba-renderer.org).

Everything stands in the viewer's frame: the camera and the lamp beside it stay, the table turns.
"""

from __future__ import annotations

import contextlib
import importlib.metadata
import math
import threading
import uuid
from collections.abc import Iterator, Mapping, Sequence
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from harness.errors import ConfigError, DataUnavailable, PictureError
from harness.photos import decode
from harness.rows import digest
from harness.scenes.kinds import COLOURS
from harness.scenes.scene import SceneObject
from harness.scenes.tabletop import SOLIDS, viewed

if TYPE_CHECKING:
    from PIL.Image import Image

    Pixels = np.ndarray[Any, np.dtype[np.uint8]]

Part = Any  # what Mitsuba's load_dict takes: a dict, or an object of its own
RGB = tuple[int, int, int]  # sRGB, 0 to 255
Point = tuple[float, float, float]  # right, away, up

VERSION = "1"  # raised when anything below changes a pixel: stored pictures are then rendered again

SAMPLES = 16  # a pixel: noise of 2 to 3 in 255
TILE = 16  # px; left open, it follows the number of threads, and the noise with it

TABLE: RGB = (200, 195, 186)
EYES: RGB = (245, 245, 245)
BACKGROUND: RGB = (140, 152, 168)
THICKNESS = 0.04  # of the table, in its sides
SKY = 0.42  # radiance from everywhere, unseen itself, in parts of the film's white
LAMP = 2.1  # irradiance on a surface that faces the lamp, likewise
LAMP_FROM: Point = (-0.45, -0.6, 0.85)  # over the viewer's left shoulder

ELEVATION = 42.0  # degrees above the table
DISTANCE = 2.6  # from the point looked at, in table sides
LOOKED_AT: Point = (0.5, 0.5, 0.15)
VIEW = 25.0  # degrees across the picture

# a solid is built around 0, from -1 to 1 on every axis, with its front towards the viewer. Eyes stand out
# high on the front, so that they are seen past a solid's edge even where it is turned away
EYE_RADIUS = 0.32
EYE_SPOTS: Mapping[str, Point] = {  # the right one as the viewer sees it
    "cube": (0.52, -1.12, 0.66),
    "ball": (0.45, -0.74, 0.62),
    "cylinder": (0.46, -1.06, 0.66),
    "cone": (0.3, -0.5, 0.12),
}
CORNERS = 96  # of a cone's base

_mitsuba_in_use = threading.Lock()  # its variant belongs to the whole process


def render(objects: Sequence[SceneObject], azimuth: float, canvas: int) -> Image:
    """The table as seen `azimuth` degrees round it: RGB, `canvas` pixels a side; equal scenes, equal bytes.

    Every object has eyes on its front, which faces depth 0 of the world: on one alone they would tell
    which object a caption names first.
    Raises DataUnavailable where Mitsuba is not installed, ConfigError for a shape that is no solid.
    """
    from PIL import Image

    with _mitsuba_in_use, _mitsuba() as mitsuba:
        scene = mitsuba.load_dict(_scene(mitsuba, objects, azimuth))
        light = _integrator(mitsuba).render(scene, _camera(mitsuba, canvas), seed=0, spp=SAMPLES)
        return Image.fromarray(_encoded(np.array(light)))


def rendered(objects: Sequence[SceneObject], azimuth: float, canvas: int, folder: Path) -> Image:
    """As render, from `folder` where the picture has been kept; else it is rendered, and kept if possible."""
    with contextlib.suppress(PictureError):
        return kept(objects, azimuth, canvas, folder)
    image = render(objects, azimuth, canvas)
    with contextlib.suppress(OSError):  # a full disk costs time later, and no picture now
        _keep(image, _path(objects, azimuth, canvas, folder))
    return image


def kept(objects: Sequence[SceneObject], azimuth: float, canvas: int, folder: Path) -> Image:
    """The picture of that name in `folder`. Raises PictureError where it is absent, out of reach or damaged."""
    path = _path(objects, azimuth, canvas, folder)
    try:
        image = decode(path.read_bytes(), path.name)
    except OSError as error:
        raise PictureError(f"{path} cannot be read: {error}") from error
    if image.size != (canvas, canvas):
        raise PictureError(f"{path} has {image.size} pixels, not {(canvas, canvas)}")
    return image


def _path(objects: Sequence[SceneObject], azimuth: float, canvas: int, folder: Path) -> Path:
    key = render_key(objects, azimuth, canvas)
    return folder / key[:2] / f"{key}.png"


def render_key(objects: Sequence[SceneObject], azimuth: float, canvas: int) -> str:
    """Digest of all that a picture's pixels follow from. Raises DataUnavailable where Mitsuba is not installed."""
    parts = [VERSION, _mitsuba_version(), azimuth, canvas]
    for item in objects:
        parts += [item.shape, *_rgb(item), item.x, item.y, item.depth, item.size]
    return digest("tabletop", *map(str, parts))


def _keep(image: Image, path: Path) -> None:
    """Write the picture so that no other process can read half of it. Raises OSError."""
    path.parent.mkdir(parents=True, exist_ok=True)
    scratch = path.with_suffix(f".{uuid.uuid4().hex}.tmp")
    try:
        image.save(scratch, format="PNG")
        scratch.replace(path)
    finally:
        scratch.unlink(missing_ok=True)


def _missing() -> DataUnavailable:
    return DataUnavailable('Mitsuba, which renders tabletop scenes, is missing: pip install "spatial-harness[bundled]"')


@lru_cache(maxsize=1)
def _mitsuba_version() -> str:
    try:
        return importlib.metadata.version("mitsuba")
    except importlib.metadata.PackageNotFoundError:
        raise _missing() from None


@contextlib.contextmanager
def _mitsuba() -> Iterator[Any]:
    """Mitsuba in the variant that needs neither LLVM nor a GPU; a variant that the caller had set comes back."""
    try:
        import mitsuba
    except ImportError:
        raise _missing() from None
    before = mitsuba.variant()
    mitsuba.set_variant("scalar_rgb")
    try:
        yield mitsuba
    finally:
        if before is not None:  # Mitsuba has no way back to none
            mitsuba.set_variant(before)


@lru_cache(maxsize=1)
def _integrator(mitsuba: Any) -> Any:
    return mitsuba.load_dict({"type": "direct", "block_size": TILE, "hide_emitters": True})


@lru_cache(maxsize=4)
def _camera(mitsuba: Any, canvas: int) -> Any:
    right, away, up = LOOKED_AT
    angle = math.radians(ELEVATION)
    stand = (right, away - DISTANCE * math.cos(angle), up + DISTANCE * math.sin(angle))
    # samples of one pixel stay within it: tiles then add up in no order that could change a sum
    film = {"type": "hdrfilm", "width": canvas, "height": canvas, "pixel_format": "rgba", "rfilter": {"type": "box"}}
    return mitsuba.load_dict(
        {
            "type": "perspective",
            "fov": VIEW,
            "to_world": mitsuba.ScalarTransform4f().look_at(origin=stand, target=LOOKED_AT, up=(0, 0, 1)),
            "film": film,
            "sampler": {"type": "multijitter", "sample_count": SAMPLES},
        }
    )


def _scene(mitsuba: Any, objects: Sequence[SceneObject], azimuth: float) -> dict[str, Part]:
    base = mitsuba.ScalarTransform4f().translate((0.5, 0.5, -THICKNESS / 2)).rotate((0, 0, 1), -azimuth)
    parts: dict[str, Part] = {
        "type": "scene",
        "sky": {"type": "constant", "radiance": _grey(SKY)},
        "lamp": {"type": "directional", "direction": [-side for side in LAMP_FROM], "irradiance": _grey(LAMP)},
        "table": {"type": "cube", "to_world": base.scale((0.5, 0.5, THICKNESS / 2)), "bsdf": _paint(TABLE)},
    }
    for place, item in enumerate(objects):
        seen = viewed(item, azimuth)
        stand = mitsuba.ScalarTransform4f().translate((seen.x, seen.depth, 1 - item.y))
        stand = stand.rotate((0, 0, 1), -azimuth).scale(item.size / 2)
        shapes = _solid(mitsuba, item, stand) + _eyes(item, stand)
        parts |= {f"object {place} part {number}": shape for number, shape in enumerate(shapes)}
    return parts


def _solid(mitsuba: Any, item: SceneObject, stand: Any) -> list[Part]:
    paint = _paint(_rgb(item))
    if item.shape == "cube":
        return [{"type": "cube", "to_world": stand, "bsdf": paint}]
    if item.shape == "ball":
        return [{"type": "sphere", "to_world": stand, "bsdf": paint}]
    if item.shape == "cylinder":
        side = {"type": "cylinder", "p0": (0, 0, -1), "p1": (0, 0, 1), "to_world": stand, "bsdf": paint}
        return [side, {"type": "disk", "to_world": stand.translate((0, 0, 1)), "bsdf": paint}]
    if item.shape == "cone":
        return [_cone(mitsuba, stand, paint)]
    raise ConfigError(f"a {item.shape} cannot stand on a table; solids are: {', '.join(SOLIDS)}")


def _cone(mitsuba: Any, stand: Any, paint: Part) -> Any:
    """A cone without its base, as a mesh: Mitsuba has no such shape."""
    angles = np.linspace(0, 2 * np.pi, CORNERS, endpoint=False)
    ring = np.stack([np.cos(angles), np.sin(angles), np.full(CORNERS, -1.0)], axis=1)
    points = np.vstack([ring, [0, 0, 1]])  # (corners + 1, 3)
    corner = np.arange(CORNERS)
    faces = np.stack([corner, (corner + 1) % CORNERS, np.full(CORNERS, CORNERS)], axis=1)
    matrix = np.array(stand.matrix)
    looks = mitsuba.Properties()
    looks["bsdf"], looks["face_normals"] = mitsuba.load_dict(paint), True
    mesh = mitsuba.Mesh("cone", len(points), len(faces), props=looks)
    values = mitsuba.traverse(mesh)
    values["vertex_positions"] = (points @ matrix[:3, :3].T + matrix[:3, 3]).ravel().astype(np.float32)
    values["faces"] = faces.ravel().astype(np.uint32)
    values.update()
    return mesh


def _eyes(item: SceneObject, stand: Any) -> list[Part]:
    right, away, up = EYE_SPOTS[item.shape]
    spots = ((side, away, up) for side in (-right, right))
    return [
        {"type": "sphere", "to_world": stand.translate(spot).scale(EYE_RADIUS), "bsdf": _paint(EYES)} for spot in spots
    ]


def _rgb(item: SceneObject) -> RGB:
    return COLOURS[item.colour]


def _paint(colour: RGB) -> Part:
    return {"type": "diffuse", "reflectance": {"type": "rgb", "value": _linear(colour)}}


def _grey(value: float) -> Part:
    return {"type": "rgb", "value": [value] * 3}


def _linear(colour: RGB) -> list[float]:
    """Linear light of an sRGB colour, 1 being white."""
    return [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in np.array(colour) / 255]


def _encoded(light: np.ndarray[Any, np.dtype[np.float32]]) -> Pixels:
    """Linear light and coverage (canvas, canvas, 4), over the background, as sRGB (canvas, canvas, 3)."""
    colour, cover = light[..., :3], light[..., 3:]
    colour = np.clip(colour + (1 - cover) * _linear(BACKGROUND), 0, 1)
    encoded = np.where(colour <= 0.0031308, colour * 12.92, 1.055 * colour ** (1 / 2.4) - 0.055)
    pixels: Pixels = np.rint(encoded * 255).astype(np.uint8)
    return pixels
