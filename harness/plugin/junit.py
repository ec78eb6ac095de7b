"""Numbers and verdicts in the file of `--junitxml`."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from xml.etree import ElementTree

from harness.gate import Verdict
from harness.results import Findings

Properties = list[tuple[str, object]]


def numbers(findings: Findings | None) -> Properties:
    """The numbers over all rows as properties of a test: "accuracy", "accuracy.low", "accuracy.n", …"""
    told: dict[str, object] = {}
    for result in findings.results if findings else ():
        if result.slice == "all" and result.metric not in told:
            parts = {f".{name}": getattr(result, name) for name in ("low", "high", "n", "chance", "floor")}
            told |= {result.metric + name: number for name, number in {"": result.value, **parts}.items()}
    return [(name, number) for name, number in told.items() if number is not None]


def judgement(verdict: Verdict) -> Properties:
    """A verdict as properties of a test."""
    names = ("difference", "low", "high", "p_holm", "detectable")
    found = [(f"verdict.{name}", number) for name in names if (number := getattr(verdict, name)) is not None]
    return [("verdict", verdict.verdict), *found]


def annotate(path: Path, verdicts: Iterable[Verdict]) -> None:
    """Write verdicts beside the numbers, and make one test case of a cell that passed and then regressed.

    pytest has closed a test case by the time the gate speaks, and opens a second one for its failure.
    """
    tree = ElementTree.parse(path)  # noqa: S314 - pytest has just written it
    said = {(v.suite, v.model): v for v in verdicts}
    for suite in tree.iter("testsuite"):
        first: dict[tuple[str, str], ElementTree.Element] = {}
        for case in suite.findall("testcase"):
            key = _cell(case)
            if key not in said:
                continue
            if key in first:
                _join(suite, first[key], case)
            else:
                first[key] = case
                told = case.find("properties")
                for name, value in judgement(said[key]):
                    ElementTree.SubElement(told, "property", name=name, value=str(value))  # type: ignore[arg-type]
    tree.write(path, encoding="utf-8", xml_declaration=True)


def _cell(case: ElementTree.Element) -> tuple[str, str]:
    told = {one.get("name"): one.get("value", "") for one in case.findall("properties/property")}
    return told.get("suite", ""), told.get("model", "")


def _join(suite: ElementTree.Element, first: ElementTree.Element, second: ElementTree.Element) -> None:
    for skipped in first.findall("skipped"):
        first.remove(skipped)
        suite.set("skipped", str(int(suite.get("skipped", "0")) - 1))
    first.extend(second.findall("failure"))
    suite.remove(second)
    suite.set("tests", str(int(suite.get("tests", "0")) - 1))
