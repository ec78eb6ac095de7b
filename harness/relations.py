"""Relations by axis: the groups of a vertical-against-horizontal contrast, declared once for all data sets."""

from __future__ import annotations

from collections.abc import Mapping

_AXES: Mapping[str, tuple[str, ...]] = {
    "vertical": (
        *("above", "below", "over", "under", "beneath", "on", "on top of", "at the top", "at the bottom"),
        *("higher than", "lower than", "underneath"),
    ),
    "horizontal": (
        *("left of", "right of", "on the left", "on the right"),
        *("at the left side of", "at the right side of"),
    ),
    "depth": ("in front of", "behind", "at the back of"),
}
# the axis of a relation, by the name that data sets give it; others (inside, near, …) have none
AXES: Mapping[str, str] = {relation: axis for axis, relations in _AXES.items() for relation in relations}
