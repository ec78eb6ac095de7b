"""Strings that try to become markup, code, formulas or another name. All of them are text, everywhere."""

from __future__ import annotations

MARKUP = (
    "<script>alert(1)</script>",
    "</script><img src=x onerror=alert(1)>",
    "</title></style></textarea><svg onload=alert(1)>",
    '"><svg onload=alert(1)>',
    "' onmouseover='alert(1)",
    "{{7*7}}{% raw %}${7*7}",
    "<!--<script>",
    "]]><b>bold</b>&lt;i&gt;",
    "javascript:alert(1)",
    "../../etc/passwd",
    "abc\u202egnp.exe",
    "nul\x00bel\x07del\x7f",
    "line\u2028sep\u2029end\r\n\ttab",
    "datum['x'] \\ \"quote\" .dot[0]",
    "a" * 3000,
    "",
)
MORE = (
    '=HYPERLINK("https://example.org/","x")',
    "+1+cmd|' /C calc'!A0",
    "@SUM(1,2)\t-2",
    "<iframe src=javascript:alert(1)></iframe><base href=//example.org>",
    "&#60;script&#62;alert(1)&#60;/script&#62;",
    "--><style>*{display:none}</style>",
    "`${alert(1)}` \\u003cb\\u003e \\x3c",
    "\U0001f937\U0001f3fd\u200d\u2640\ufe0f \u0645\u0631\u062d\u0628\u0627 zero\u200bwidth\ufeffmark",
    "__proto__",
    "constructor/../%2e%2e/%00#rows?x=1&y=2",
    "$(document) ; rm -rf / \\input{x} %s %n",
)
CORPUS = (*(text[:200] for text in MARKUP if text), *MORE)  # as long as the name of a folder may be
HALF = "half \ud800 pair"  # as in the name of a file that is not UTF-8; no Parquet or frame holds it
