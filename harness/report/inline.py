"""What goes into the page as it stands: scripts, data and the policy that forbids everything else."""

from __future__ import annotations

import base64
import gzip
import hashlib
import json
import re
from functools import cache
from typing import Any

from markupsafe import Markup

# Control characters, halves of surrogate pairs, and marks that are invisible or turn the reading
# direction: a name must not look like another one, nor rearrange the text around it.
_HIDDEN = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200b\u200e\u200f\u2028-\u202e\u2066-\u2069\ufeff\ud800-\udfff\ufffe\uffff]"
)


def visible(text: str) -> str:
    r"""The text with hidden characters spelt out, as in `\u202e`."""
    return _HIDDEN.sub(lambda found: f"\\u{ord(found[0]):04x}", text)


def island(data: Any) -> Markup:
    """Data as JSON that can stand inside a <script type="application/json">, whatever it says."""
    text = json.dumps(data, allow_nan=False, separators=(",", ":"))  # ASCII: U+2028 and U+2029 are escaped
    return Markup(text.replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026"))


def blob(data: bytes) -> Markup:
    """Bytes as base64, which can stand inside any element."""
    return Markup(base64.b64encode(data).decode())


def packed(data: Any) -> Markup:
    """Data as JSON, gzipped, in base64: what a page holds and a reader may never ask for."""
    return blob(gzip.compress(json.dumps(data, allow_nan=False, separators=(",", ":")).encode(), mtime=0))


@cache
def runtime() -> str:
    """The script that draws charts, all its libraries inside. Takes a second, once per process."""
    import vl_convert

    script: str = vl_convert.javascript_bundle("window.vegaEmbed=vegaEmbed;")
    return verbatim(script)


def verbatim(code: str) -> str:
    """Code that a browser reads and hashes exactly as it stands here, or an error."""
    if "\r" in code or "\0" in code or "<!--" in code or re.search(r"</?(script|style)", code, re.IGNORECASE):
        raise ValueError("this code would end its own element, or be altered, inside a page")
    return code


def policy(scripts: list[str], styles: list[str]) -> str:
    """A content-security policy under which these scripts and styles run and nothing else does."""
    return "; ".join(
        [
            "default-src 'none'",
            f"script-src {' '.join(map(_hash, scripts))}",
            f"style-src {' '.join(map(_hash, styles))}",
            "img-src data:",
            "base-uri 'none'",
            "form-action 'none'",
        ]
    )


def _hash(code: str) -> str:
    return f"'sha256-{base64.b64encode(hashlib.sha256(code.encode()).digest()).decode()}'"
