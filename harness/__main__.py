"""The command line, `spatial-harness` or `python -m harness`: report, scenes, calibrate, doctor, …"""

from __future__ import annotations

import argparse
import importlib
import sys
from pathlib import Path

from harness import __version__
from harness.errors import HarnessError


def main(argv: list[str] | None = None) -> int:
    """Run one command and return its exit code: 0 good, 1 something is missing or worse, 2 an explained error."""
    given = vars(_parser().parse_args(argv))
    command = given.pop("command").replace("-", "_")
    try:
        # imported when asked for, so that --help is quick
        return int(importlib.import_module(f"harness.commands.{command}").run(**given))
    except (HarnessError, OSError) as error:
        print(f"spatial-harness: error: {error}", file=sys.stderr)
        return 2


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="spatial-harness", allow_abbrev=False)
    parser.description = "Evaluation of spatial understanding in models; the evaluation itself is `pytest suites`."
    parser.add_argument("--version", action="version", version=f"%(prog)s {__version__}")
    commands = parser.add_subparsers(dest="command", metavar="COMMAND", required=True)

    def command(name: str, text: str) -> argparse.ArgumentParser:
        return commands.add_parser(name, help=text, description=text, allow_abbrev=False)

    _report(command("report", "Write the page of a run folder, finished or not, and print its path."))
    _baseline(command("baseline", "Keep what a run came to row by row in one small file, to compare later runs with."))
    _compare(command("compare", "Say which suite x model of a run is worse than in another; exit code 1 if one is."))
    _contrast(
        command("contrast", "Test whether a model gains more than another on the vertical than on the horizontal.")
    )
    _scenes(command("scenes", "Draw scenes of known ground truth: pictures, metadata and splits."))
    _calibrate(command("calibrate", "Train a model of known spatial knowledge, or those of the training-data study."))
    _prefetch(command("prefetch", "Download what models and suites need, then prove that each model loads offline."))
    _selection(command("doctor", "Say what is installed, reachable and cached, and what a run would skip, and why."))
    _vrd_csv(command("vrd-csv", "Write VRD's spatial relationships as a table, and say what each predicate is."))
    _add_model(command("add-model", "Append a model of the hub to models.yaml, pinned; the rest of the file stays."))
    _made(command("summary", "Write a run in Markdown, for the step summary of CI."))
    _made(command("badge", "Write the JSON from which shields.io draws a run's badge."))
    _history(command("history", "Draw what each suite x model got over all runs in a folder, and print what changed."))
    _export(command("export-eval-results", "Write a model's numbers in the hub's format of evaluation results."))
    return parser


def _run(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("folder", metavar="RUN", type=_path, help="a run folder, such as reports/20250304T100000Z-abc")


def _report(parser: argparse.ArgumentParser) -> None:
    _run(parser)
    parser.add_argument("--baseline", metavar="B", type=_path, help="judge the run by this run folder or baseline file")
    parser.add_argument("--figures", metavar="DIR", type=_path, help="also figures (SVG, PNG) and tables (CSV, LaTeX)")
    _min_effect(parser)


def _min_effect(parser: argparse.ArgumentParser) -> None:
    text = "how many points worse is a regression at least (default: 1)"
    parser.add_argument("--min-effect", metavar="POINTS", type=float, default=1.0, help=text)


def _baseline(parser: argparse.ArgumentParser) -> None:
    _run(parser)
    text = "the file, such as baselines/main.parquet"
    parser.add_argument("-o", "--out", metavar="FILE", type=_path, required=True, help=text)


def _compare(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("before", metavar="A", type=_path, help="the baseline: a run folder or a baseline file")
    parser.add_argument("after", metavar="B", type=_path, help="the new run: a run folder or a baseline file")
    _min_effect(parser)
    parser.add_argument("--strict", action="store_true", help="what cannot be compared is a failure, too")
    forms = ("text", "markdown", "json")
    parser.add_argument("--format", dest="form", choices=forms, default="text", help="default: text")


def _contrast(parser: argparse.ArgumentParser) -> None:
    _run(parser)
    parser.add_argument("model_a", metavar="MODEL_A", help="the model to start from")
    parser.add_argument("model_b", metavar="MODEL_B", help="the model that may have gained")
    parser.add_argument("--suite", metavar="NAME", help="of one suite alone (default: all with rows on both axes)")


def _scenes(parser: argparse.ArgumentParser) -> None:
    start = parser.add_mutually_exclusive_group()
    start.add_argument("--preset", default="spatial", help="spatial (default), color, place, topology, …, tabletop")
    start.add_argument("--config", metavar="FILE", type=_path, help="a YAML file of what to draw")
    parser.add_argument("--size", metavar="N", type=int, help="how many scenes; whole minimal sets")
    parser.add_argument("--seed", metavar="N", type=int, help="another seed, other scenes")
    parser.add_argument("--out", metavar="DIR", type=_path, required=True, help="a new or empty folder")


def _calibrate(parser: argparse.ArgumentParser) -> None:
    what = parser.add_mutually_exclusive_group(required=True)
    what.add_argument("name", metavar="NAME", nargs="?", help="the model, such as cal-spatial")
    what.add_argument("--sweep", action="store_true", help="the share of truthful captions x hard negatives instead")
    parser.add_argument("--out", metavar="DIR", type=_path, help="where it is put (default: NAME, or training-sweep)")
    parser.add_argument("--seed", metavar="N", type=int, default=0, help="another seed, another model (default: 0)")
    parser.add_argument("--steps", metavar="N", type=int, help="training steps (default: as many as it needs)")
    parser.add_argument(
        "--negatives", metavar="KIND", help="false captions: relation, swap, both, none (default: its own)"
    )
    parser.add_argument("--work", metavar="DIR", type=_path, help="where checkpoints are kept (default: user cache)")
    parser.add_argument("--device", metavar="NAME", help="cpu, cuda, cuda:1, … (default: a CUDA GPU, or else cpu)")
    parser.add_argument("--examine", action="store_true", help="then ask what the suites ask, and put it into the card")


def _prefetch(parser: argparse.ArgumentParser) -> None:
    _selection(parser)
    parser.add_argument(
        "--photos", action="store_true", help="also VSR's photos (6,259) and data sets that come with theirs"
    )


def _vrd_csv(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--out", metavar="FILE", type=_path, required=True, help="the table: vrd_relationships.csv")
    parser.add_argument("--part", choices=("train", "test", "all"), default="all", help="default: all")
    parser.add_argument("--balanced", action="store_true", help="as many rows of each relation as the rarest has")
    _folder(parser, "--data-dir", "local copies of data sets", "HARNESS_DATA_DIR")


def _selection(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--models", metavar="NAMES", help="comma-separated names or tag:TAG (default: all)")
    _models_file(parser)
    _folder(parser, "--model-dir", "local mirror of models, DIR/org/name, asked before the hub", "HARNESS_MODEL_DIR")
    _folder(parser, "--data-dir", "local copies of data sets", "HARNESS_DATA_DIR")


def _add_model(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("repo", metavar="ORG/NAME", help="a model of the hub")
    parser.add_argument("--name", help="what to call it (default: NAME)")
    parser.add_argument("--family", help="how to load it (default: guessed from its files)")
    parser.add_argument("--tags", metavar="A,B", default="", help="words to select it by")
    parser.add_argument("--revision", metavar="SHA", default="", help="branch, tag or commit (default: the newest)")
    _models_file(parser)
    _folder(parser, "--model-dir", "local mirror to read the model's files from without a hub", "HARNESS_MODEL_DIR")


def _made(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("folder", metavar="RUN", type=_path, help="a run folder")
    parser.add_argument("-o", "--out", metavar="FILE", type=_path, help="where it is put (default: stdout)")


def _history(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("folder", metavar="DIR", type=_path, help="a folder of run folders and baseline files")
    text, page = "the page (default: history.html)", Path("history.html")
    parser.add_argument("-o", "--out", metavar="FILE", type=_path, default=page, help=text)


def _export(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("folder", metavar="RUN", type=_path, help="a run folder")
    parser.add_argument("--model", metavar="NAME", required=True, help="whose numbers")
    task = "which task of which benchmark of the hub a suite is; once for each suite"
    parser.add_argument("--task", metavar="SUITE=ORG/DATASET:TASK", action="append", default=[], help=task)
    parser.add_argument("--source", metavar="URL", help="where the page of this run can be read")
    parser.add_argument("-o", "--out", metavar="DIR", type=_path, default=Path(), help="default: here")


def _models_file(parser: argparse.ArgumentParser) -> None:
    text = "the list of models (default: models.yaml here, or the one installed)"
    parser.add_argument("--models-file", metavar="FILE", type=_path, help=text)


def _folder(parser: argparse.ArgumentParser, option: str, text: str, variable: str) -> None:
    parser.add_argument(option, metavar="DIR", type=_path, help=f"{text} (also {variable})")


def _path(word: str) -> Path:
    return Path(word).expanduser()


if __name__ == "__main__":
    sys.exit(main())
