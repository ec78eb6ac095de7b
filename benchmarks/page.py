"""The page of a run of full size: how large it is, how long it takes to make, to open, and to go from view to view.

    python benchmarks/page.py [--data-dir DIR] [--run DIR] [--models 30] [--suites 12] [--relations 60] [--rows 20000]

Thumbnails are crops of the photos in DIR/coco128, or drawn noise. With --run, a run folder that is there is opened
instead. Needs playwright and a chromium.
"""

import argparse
import re
import shutil
import statistics
import sys
import tempfile
import time
from pathlib import Path

from harness.report import render

sys.path.insert(0, str(Path(__file__).parents[1] / "tests" / "report"))
PARTS = {
    "thumbnails": r'<script type="text/plain" id="row-[^>]*>.*?</script>',
    "rows": r'<script type="application/octet-stream"[^>]*>.*?</script>',
    "data of charts": r'<script type="application/json"[^>]*>.*?</script>',
    "drawing library": r'<script type="text/plain" id="vega">.*?</script>',
    "scripts and style": r"<(?:script|style)>.*?</(?:script|style)>",
}
PAINT = "performance.getEntriesByName('first-contentful-paint')[0]?.startTime"
READY = """() => new Promise(done => {
    const seen = () => document.documentElement.hasAttribute('data-ready');
    const tell = () => requestAnimationFrame(() => setTimeout(() => done(performance.now())));
    if (seen()) return tell();
    new MutationObserver((_, all) => { if (seen()) { all.disconnect(); tell() } })
        .observe(document.documentElement, {attributes: true}) })"""
GO = """view => new Promise(done => {
    const start = performance.now();
    const all = new MutationObserver(() => { if (document.documentElement.dataset.ready === view) {
        all.disconnect(); requestAnimationFrame(() => setTimeout(() => done(performance.now() - start))) } });
    all.observe(document.documentElement, {attributes: true});
    location.hash = view })"""


def sizes(page):
    """Bytes by part; what is left over is tables and text."""
    text, found = page.read_text(), {}
    for name, pattern in PARTS.items():
        found[name] = sum(len(part.encode()) for part in re.findall(pattern, text, re.DOTALL))
    return {**found, "tables and text": page.stat().st_size - sum(found.values()), "all": page.stat().st_size}


def spread(seconds):
    return f"{min(seconds):.2f} / {statistics.median(seconds):.2f} / {max(seconds):.2f} s"


def opened(browser, page, times):
    """Seconds to first paint, to ready and of the page's thread, each of a fresh context; and to each kind of view."""
    paints, readies, busy = [], [], []
    for _ in range(times):
        context = browser.new_context(viewport={"width": 1280, "height": 900})
        tab = context.new_page()
        spent = context.new_cdp_session(tab)
        spent.send("Performance.enable", {"timeDomain": "threadTicks"})  # whatever else the machine does
        tab.goto(page.as_uri(), wait_until="commit")
        readies.append(tab.evaluate(READY) / 1000)
        paints.append((tab.evaluate(PAINT) or 0) / 1000)
        metrics = {it["name"]: it["value"] for it in spent.send("Performance.getMetrics")["metrics"]}
        busy.append(metrics["TaskDuration"])
        last = tab
        if len(readies) < times:
            context.close()
    return paints, readies, busy, {view: last.evaluate(GO, view) / 1000 for view in kinds(last)}


def kinds(tab):
    """Every view, of suites and models the first three."""
    views = tab.evaluate("[...document.querySelectorAll('main > section')].map(view => view.id)")
    several = {kind: [view for view in views if view.startswith(kind)][:3] for kind in ("suite-", "model-")}
    others = [view for view in views[1:] if not view.startswith(("suite-", "model-"))]
    return [*several["suite-"], *several["model-"], *others, views[0]]


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    for name, value in (("models", 30), ("suites", 12), ("relations", 60), ("rows", 20_000), ("times", 5)):
        parser.add_argument(f"--{name}", type=int, default=value)
    parser.add_argument("--data-dir", type=Path)
    parser.add_argument("--run", type=Path)
    given = parser.parse_args()
    from full_samples import Size, make
    from playwright.sync_api import sync_playwright

    photos = sorted(given.data_dir.glob("coco128/**/*.jpg")) if given.data_dir else []
    with tempfile.TemporaryDirectory() as scratch:
        run = given.run or Path(scratch) / "run"
        if not (run / "run.json").exists():
            make(run, Size(given.models, given.suites, given.relations, given.rows), photos)
        start = time.perf_counter()
        page = render(run)
        print(f"rendered in {time.perf_counter() - start:.1f} s; thumbnails of {'photos' if photos else 'noise'}")
        for name, size in sizes(page).items():
            print(f"  {name:<18}{size / 1e6:8.2f} MB")
        with sync_playwright() as playwright:
            chromium = shutil.which("chromium") or shutil.which("google-chrome")
            browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox", "--disable-gpu"])
            paints, readies, busy, views = opened(browser, page, given.times)
            print(f"min / median / max of {given.times}: first paint {spread(paints)}; ready {spread(readies)}")
            print(f"  of which the page's own thread was busy {spread(busy)}")
            for view, seconds in views.items():
                print(f"  to {view:<24}{seconds:6.2f} s")
            browser.close()


if __name__ == "__main__":
    main()
