"""`manage.py calibrate`: thresholds and odds from pictures of known people (R22, R34)."""

import json
from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand

from dsr_portal.core.actor import Actor
from dsr_portal.core.errors import PortalError
from dsr_portal.core.exits import ANSWER_IS_NO, not_asked, refused
from dsr_portal.recognition import calibration, outgrowing

REMARKS = {
    "few_people": "Fewer than 300 people have two pictures: letters do not print what is missed.",
    "faces_not_found": "More is missed because no face is found than the target allows: no "
    "threshold reaches it.",
    "tail_not_tested": "The tail of strangers' scores was not tested: too few pairs. The strong "
    "band keeps over the strangers measured; odds rest on their own test alone.",
    "tail_not_usable": "The tail of strangers' scores is not usable: other people differ from it. "
    "The strong band keeps over the strangers measured; there are no odds.",
    "cautious_review": "With so few people the review threshold is not set above 0.36.",
    "strong_extrapolated": "The strong threshold lies beyond ten times the measured pairs: "
    "extrapolated.",
    "no_loop_threshold": "Too few people with three pictures: a widened search uses the review "
    "threshold.",
}
KINDS = {
    "one_photo": "one photo",
    **{f"photos_{photos}": f"{photos} photos" for photos in range(2, 6)},
    "widened": "widened searches",
}
REMARKS |= {
    f"no_odds_{kind}": f"No odds for {words}: they did not hold on other people."
    for kind, words in KINDS.items()
}
STEPS = {
    "1_in_2": "about 1 in 2",
    "1_in_20": "about 1 in 20",
    "1_in_200": "about 1 in 200",
    "under_1_in_1000": "fewer than 1 in 1,000",
}


class Command(BaseCommand):
    help = (
        "Measure thresholds and odds on a folder of known people (a folder per person, or a "
        "manifest) and file them. The first calibration serves at once; every later one waits "
        "for two members of staff and the data protection officer's advice (manage.py policy)."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("folder", type=Path, nargs="?", help="pictures of known people")
        parser.add_argument("--manifest", type=Path, help="CSV: path, identity, ...")
        parser.add_argument("--name", default="", help="what letters call this test")
        parser.add_argument(
            "--enrolled", type=int, help="size of the gallery; counted when not given"
        )
        parser.add_argument("--recall", type=float, default=0.985, help="share to be found")
        parser.add_argument(
            "--fpir", type=float, default=0.01,
            help="share of searches in which a stranger may reach the strong band",
        )  # fmt: skip
        parser.add_argument(
            "--records-per-person", type=float, default=1.0,
            help="records a person who asks has on average, for the odds",
        )  # fmt: skip
        parser.add_argument(
            "--dry-run", action="store_true", help="measure and print, file nothing"
        )
        parser.add_argument(
            "--check",
            action="store_true",
            help="only say whether the gallery has outgrown it; ends with 1 then",
        )
        parser.add_argument("--json", action="store_true", help="print one JSON object")

    def handle(self, *args: Any, **options: Any) -> None:
        if options["check"]:
            self._check(as_json=options["json"])
            return
        if options["folder"] is None:
            raise not_asked("Name the folder with the pictures, or use --check.")
        self._bounds(options)
        try:
            made = calibration.measure(
                options["folder"],
                manifest=options["manifest"],
                set_name=options["name"] or options["folder"].resolve().name,
                enrolled=options["enrolled"],
                recall_target=options["recall"],
                fpir_target=options["fpir"],
                records_per_person=options["records_per_person"],
                say=self.stderr.write,
            )
            filed = "not filed"
            if not options["dry_run"]:
                at_once = calibration.file(made, actor=Actor.operator())
                filed = "serves at once" if at_once else "waits for two persons"
        except PortalError as error:
            raise refused(error) from error
        if options["json"]:
            self.stdout.write(json.dumps({"filed": filed, "calibration": made.as_json()}))
        else:
            self._print(made, filed)

    def _bounds(self, options: dict[str, Any]) -> None:
        shares = (("--recall", options["recall"]), ("--fpir", options["fpir"]))
        for name, value in shares:
            if not 0.0 < value < 1.0:
                raise not_asked(f"{name} must lie between 0 and 1.")
        if options["records_per_person"] <= 0:
            raise not_asked("--records-per-person must be over 0.")
        if options["enrolled"] is not None and options["enrolled"] < 1:
            raise not_asked("--enrolled must be 1 or more.")

    def _check(self, *, as_json: bool) -> None:
        serving = calibration.in_force()
        grown = outgrowing.grown()
        enrolled = calibration.faces_enrolled()
        if as_json:
            answer = {
                "calibrated": serving is not None,
                "version": serving.version if serving else None,
                "made_for": serving.enrolled if serving else None,
                "enrolled": enrolled,
                "strangers_per_search": calibration.strangers_per_search(enrolled),
                "outgrown": grown is not None,
                "thresholds": calibration.thresholds(),
            }
            self.stdout.write(json.dumps(answer))
        elif serving is None:
            self.stdout.write("No calibration serves: the thresholds are the installation's own.")
        elif grown is None:
            self.stdout.write(f"Calibration {serving.version} fits {enrolled:,} faces.")
        else:
            self.stdout.write(f"{outgrowing.words(grown)} Calibrate again.")
        if grown is not None:
            raise SystemExit(ANSWER_IS_NO)

    def _print(self, made: Any, filed: str) -> None:
        found = made.found
        lines = [
            f"{made.set_name}, {made.made_on}: {made.pictures} pictures of {made.people} people, "
            f"{made.people_with_pairs} with at least two; {made.genuine_pairs:,} pairs of one "
            f"person, {made.stranger_pairs:,} of strangers",
            f"no face found in {made.pictures_without_face} pictures, counted as missed; "
            f"{made.near_duplicates} near-duplicates left out",
            f"review threshold  {_span(made.review)}  for {made.recall_target:.1%} found",
            f"found, held out   {found.value:.2%} [{found.low:.2%}, {found.high:.2%}] of "
            f"{found.people} people; {found.without_face:.2%} lost without a face",
            f"strangers         {made.strangers:.2f} expected per search of "
            f"{made.enrolled:,} faces",
            f"strong band from  {_span(made.strong)}  for a stranger in {made.fpir_target:.1%} of "
            "searches" + (" (extrapolated)" if made.strong.extrapolated else ""),
        ]
        lines.append(f"strangers' tail    {_tail_words(made.tail)}")
        if made.loop:
            lines.append(f"widened search    {_span(made.loop)}")
        lines += [line for kind, check in made.checks.items() for line in _check_lines(kind, check)]
        lines += [REMARKS[remark] for remark in made.remarks if remark in REMARKS]
        lines += _untested_lines(made.remarks)
        lines.append(f"This calibration {filed}.")
        for line in lines:
            self.stdout.write(line)


def _span(threshold: Any) -> str:
    return f"{threshold.value:.3f} [{threshold.low:.3f}, {threshold.high:.3f}]"


def _tail_words(tail: Any) -> str:
    """Whether the model of strangers' scores held on people it was not made from."""
    test = tail.test
    if test is None:
        return "not tested: too few pairs in a half of the people"
    told = f"{test.expected:.1f} pairs expected at {test.rate:g}, {test.observed} seen"
    if not test.enough:
        return f"not tested: {told}, at least 10 must be expected"
    return f"{'usable' if tail.usable else 'not usable'}: {told} among {test.pairs:,} of others"


def _untested_lines(remarks: Any) -> list[str]:
    kinds = [words for kind, words in KINDS.items() if f"odds_not_tested_{kind}" in remarks]
    if not kinds:
        return []
    return [
        f"Not tested, so without odds: {', '.join(kinds)}. Odds need 300 people searched for so, "
        "and five strangers among the candidates of people they were not made from."
    ]


def _check_lines(kind: str, check: Any) -> list[str]:
    """How the odds held on people they were not made from."""
    verdict = "hold" if check.holds else "do not hold and are not used"
    if not check.tested:
        verdict = "were not put to a test and are not used"
    lines = [
        f"odds, {KINDS[kind]}: Cllr {check.cllr:.4f}, at best {check.least:.4f}; they {verdict}"
    ]
    lines += [
        f"  {STEPS[step.step]}: {step.candidates} candidates, {step.expected:.1f} strangers "
        f"expected, {step.observed} seen"
        for step in check.steps
        if step.candidates
    ]
    return lines
