"""Commands of the library: ``python -m biometrics evaluate FOLDER --out DIR``."""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path

from biometrics.weights import WeightsError, weights_home


def main(arguments: list[str] | None = None) -> int:
    """Run one command; what goes wrong is said in plain words on stderr (exit code 2)."""
    return _evaluate(_parser().parse_args(arguments))


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m biometrics")
    commands = parser.add_subparsers(required=True, metavar="command")
    evaluate = commands.add_parser(
        "evaluate",
        help="measure how much of what is held of a person a search finds",
        description=(
            "Measure recognition on labelled pictures: a folder per person, or a manifest with "
            "the columns dataset, identity, path, gender, age, ethnicity, condition, date (all "
            "but path optional). A run that was broken off goes on from its cache."
        ),
    )
    evaluate.add_argument("folder", type=Path)
    evaluate.add_argument("--manifest", type=Path, help="default: manifest.csv in the folder")
    evaluate.add_argument(
        "--out", type=Path, required=True, help="for results, curves, pairs to judge, cache"
    )
    evaluate.add_argument("--json", action="store_true", help="print JSON, nothing else")
    evaluate.add_argument(
        "--thresholds", type=Path,
        help="JSON of `manage.py calibrate --check --json`: rows at the thresholds in force too",
    )  # fmt: skip
    evaluate.add_argument("--judged", type=Path, help="suspects.csv with verdicts")
    evaluate.add_argument("--seed", type=int, default=1)
    evaluate.add_argument("--engine", choices=("onnx", "tensorflow"), default="onnx")
    evaluate.add_argument("--threads", type=int, help="default: one per core")
    evaluate.add_argument("--home", type=Path, default=weights_home(), help="folder of weights")
    return parser


def _evaluate(asked: argparse.Namespace) -> int:
    from biometrics.errors import BiometricsError
    from biometrics.evaluation import report, run

    if asked.seed < 0 or (asked.threads is not None and asked.threads < 1):
        sys.stderr.write("evaluate: seed and threads can't be negative\n")
        return 2
    options = run.Options(
        folder=asked.folder,
        out=asked.out,
        home=asked.home,
        manifest=asked.manifest,
        judged=asked.judged,
        seed=asked.seed,
        engine=asked.engine,
        threads=asked.threads,
        thresholds=asked.thresholds,
    )
    try:
        results = run.evaluate(options, _say)
    except (BiometricsError, WeightsError, OSError) as error:
        sys.stderr.write(f"evaluate: {error}\n")
        return 2
    except KeyboardInterrupt:
        sys.stderr.write("evaluate: broken off; the same command goes on from here\n")
        return 130
    if asked.json:
        sys.stdout.write(json.dumps(results, indent=1, ensure_ascii=False) + "\n")
    else:
        sys.stdout.write(report.text(results))
    return 0


def _say(what: str) -> None:
    sys.stderr.write(f"  {what}\n")
    sys.stderr.flush()


if __name__ == "__main__":
    raise SystemExit(main())
