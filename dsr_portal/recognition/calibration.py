"""Thresholds and odds in force: measured by `manage.py calibrate`, decided by people (R22, R34).

Two things are said only where they were measured: the odds of a candidate (R21) and how much a
search misses (R15). A calibration speaks for the model it was made with and for the thresholds it
brought; where people set another threshold later, its figure of misses is not repeated. One made
before pictures without a face counted as missed, and before odds had to be put to a test, keeps
its thresholds and says neither.
"""

import functools
import json
import math
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from django.conf import settings
from django.utils.translation import gettext as _

from dsr_portal.core import clock
from dsr_portal.core.actor import Actor
from dsr_portal.core.errors import BadInput
from dsr_portal.core.transactions import outside
from dsr_portal.policy import selectors as policy
from dsr_portal.policy import services as policy_services
from dsr_portal.recognition import engine as engines
from dsr_portal.recognition.models import ModelVersion, Template

if TYPE_CHECKING:
    from biometrics.calibration import Calibration
    from biometrics.evaluation.features import Cache, Features
    from biometrics.identity import ModelId

ENOUGH_PEOPLE: Final = 300
FORMAT: Final = 2
"""`biometrics.calibration.FORMAT`; the library is loaded by processes of the search only."""

OUTGROWN: Final = 2.0
FEWEST_PAIRS: Final = 10
"""A rate that fewer of the measured pairs reach rests on the tail's model alone."""

_SHIPPED = Path(__file__).with_name("shipped_calibration.json")


@dataclass(frozen=True, slots=True)
class MeasuredMisses:
    """The third claim of R15: what a search like this missed in a test, with its interval."""

    name: str
    made_on: str
    people: int
    missed: float
    low: float
    high: float


@dataclass(frozen=True, slots=True)
class MeasuredStrangers:
    """FPIR(N, T) and strangers per search of one photo, from a test's pairs of strangers (B-07).

    `interval` of FPIR at 95 %, people drawn anew; None where the calibration has none there.
    """

    name: str
    made_on: str
    pairs: int
    enrolled: int
    fpir: float
    strangers: float
    interval: tuple[float, float] | None = None


@dataclass(frozen=True, slots=True)
class InForce:
    """The calibration that serves. ``version`` 0 is the shipped one."""

    version: int
    since: datetime | None
    content: dict[str, Any]

    @property
    def shipped(self) -> bool:
        return self.version == 0

    @property
    def enrolled(self) -> int:
        """The size of the gallery the thresholds were made for."""
        return int(self.content["enrolled"])

    @property
    def tells(self) -> bool:
        """Whether its figures of misses and its odds mean what is said of them today."""
        return int(self.content.get("format", 1)) >= FORMAT

    @property
    def loop_threshold(self) -> float | None:
        """The threshold of a search widened by confirmed faces; None where it was not measured."""
        loop = self.content["loop"]
        return float(loop["value"]) if loop else None


def in_force() -> InForce | None:
    """The calibration that serves; None where its thresholds do not, or for another model.

    An installation that names thresholds of its own (settings `DSR_REVIEW_THRESHOLD`,
    `DSR_STRONG_THRESHOLD`, as the demo does for rendered people) has none before it calibrates.
    """
    row = policy.calibration()
    if row is not None:
        return _of_this_model(InForce(row.version, row.approved_at, row.value))
    content = shipped()
    own = (settings.DSR_REVIEW_THRESHOLD, settings.DSR_STRONG_THRESHOLD)
    if own != (content["review"]["value"], content["strong"]["value"]):
        return None
    return _of_this_model(InForce(0, None, content))


@functools.cache
def shipped() -> dict[str, Any]:
    """The calibration that comes with the program; docs/calibration.md says how small it is."""
    content: dict[str, Any] = json.loads(_SHIPPED.read_text(encoding="utf-8"))
    return content


def odds_step(score: float, *, kind: str = "one_photo", enrolled: int | None = None) -> str:
    """How often candidates this alike are strangers at this size of the gallery; "" if unmeasured.

    One of the values of `biometrics.odds.Step`. ``kind``: "one_photo", "photos_2" to "photos_5"
    or "widened", for each has odds of its own. ``enrolled``: faces compared; None counts them.
    """
    calibration = in_force()
    if calibration is None or kind not in _odds(calibration):
        return ""
    if kind == "widened" and not _of_its_thresholds(calibration):
        return ""
    from biometrics.odds import OddsModel

    count = faces_enrolled() if enrolled is None else enrolled
    if count < 1:
        return ""
    return OddsModel.from_json(_odds(calibration)[kind]).step(score, count).value


def measured_misses(threshold: float | None, *, photos: int = 1) -> MeasuredMisses | None:
    """What a search at this threshold misses, if that was measured here on enough people.

    Pictures in which no face was found are among what is missed; near-duplicates counted once.
    The shipped calibration says nothing about this installation's pictures, one made for another
    threshold nothing about this search, and what one photo misses nothing about several.
    """
    calibration = in_force()
    if calibration is None or calibration.shipped or photos > 1 or not calibration.tells:
        return None
    content = calibration.content
    if content["people_with_pairs"] < ENOUGH_PEOPLE:
        return None
    if content["review"]["value"] != threshold:
        return None
    found = content["found"]
    return MeasuredMisses(
        name=content["set_name"],
        made_on=content["made_on"],
        people=found["people"],
        missed=1.0 - found["value"],
        low=1.0 - found["high"],
        high=1.0 - found["low"],
    )


def measured_strangers(
    threshold: float | None, enrolled: int, *, photos: int = 1
) -> MeasuredStrangers | None:
    """How often a search of so many faces shows a stranger at this threshold, if measured here.

    The shipped calibration says nothing of this installation's pictures. Where fewer than ten of
    the pairs reach the threshold, the tail's model must have passed its test.
    """
    calibration = in_force()
    if threshold is None or calibration is None or calibration.shipped or not calibration.tells:
        return None
    if photos > 1 or enrolled < 1:
        return None
    from biometrics.tail import Tail

    tail = Tail.from_json(calibration.content["tail"])
    rate = tail.fmr(threshold)
    if rate < tail.reach or (rate * tail.pairs < FEWEST_PAIRS and not tail.usable):
        return None
    return MeasuredStrangers(
        name=calibration.content["set_name"],
        made_on=calibration.content["made_on"],
        pairs=tail.pairs,
        enrolled=enrolled,
        fpir=_fpir(rate, enrolled),
        strangers=rate * enrolled,
        interval=_interval(calibration.content.get("stranger_rate"), threshold, enrolled),
    )


def _fpir(rate: float, enrolled: int) -> float:
    """How often at least one of so many strangers reaches what this share of them reaches."""
    return -math.expm1(enrolled * math.log1p(-rate)) if rate < 1.0 else 1.0


def _interval(
    measured: dict[str, float] | None, threshold: float, enrolled: int
) -> tuple[float, float] | None:
    """That of the threshold it was measured at, and of no other."""
    if not measured or measured["threshold"] != threshold:
        return None
    return _fpir(measured["low"], enrolled), _fpir(measured["high"], enrolled)


def faces_enrolled() -> int:
    """Living templates of the active model."""
    return Template.objects.filter(model__active=True, erased_change=None).count()


def outgrown() -> float | None:
    """How many times larger the gallery is than the calibration was made for, if over twice."""
    calibration = in_force()
    if calibration is None or calibration.enrolled < 1:
        return None
    times = faces_enrolled() / calibration.enrolled
    return times if times > OUTGROWN else None


def thresholds() -> dict[str, Any]:
    """The operating point: what searches run at now (`python -m biometrics evaluate` reads it)."""
    serving = in_force()
    review = float(policy.current("review_threshold"))
    own = serving.loop_threshold if serving else None
    model = ModelVersion.objects.filter(active=True).first()
    return {
        "review": review,
        "strong": float(policy.current("strong_threshold")),
        "widened": review if own is None else own,
        "enrolled": faces_enrolled(),
        "model": name_of(model) if model else "",
    }


def strangers_per_search(enrolled: int) -> float | None:
    """Strangers a search of so many faces is expected to show at the review threshold in force.

    From the tail of the calibration's strangers; None where it was filed without one.
    """
    calibration = in_force()
    if calibration is None or "tail" not in calibration.content:
        return None
    from biometrics.tail import Tail

    tail = Tail.from_json(calibration.content["tail"])
    return tail.fmr(float(policy.current("review_threshold"))) * enrolled


def _odds(calibration: InForce) -> dict[str, Any]:
    odds: dict[str, Any] = calibration.content["odds"] if calibration.tells else {}
    return odds


def _of_its_thresholds(calibration: InForce) -> bool:
    """Whether searches show what they showed when it was made.

    What a widened search adds depends on what the photo alone had shown.
    """
    own: float = calibration.content["review"]["value"]
    return policy.current("review_threshold") == own


def _of_this_model(calibration: InForce) -> InForce | None:
    active = ModelVersion.objects.filter(active=True).first()
    same = active is None or calibration.content["model"] == name_of(active)
    return calibration if same else None


def name_of(model: "ModelVersion | ModelId") -> str:
    """The model in a calibration: everything that changes the numbers of a template."""
    parts = (model.name, model.weights_sha256, model.alignment_version, model.mean_face_sha256)
    return "/".join(parts)


# -- making one -----------------------------------------------------------------------------------


@outside("Calibrating")
def measure(
    folder: Path,
    *,
    manifest: Path | None,
    set_name: str,
    enrolled: int | None,
    recall_target: float,
    fpir_target: float,
    records_per_person: float,
    say: Callable[[str], None],
) -> "Calibration":
    """Thresholds and odds from a folder of known people, by the portal's own way to templates.

    The pictures are the operator's; nothing of them is kept but numbers over all of them. Raises
    `BadInput` in plain words when the set cannot serve, `EngineUnavailable` for the engine.
    """
    from biometrics.calibration import calibrate
    from biometrics.errors import BiometricsError
    from biometrics.evaluation import dataset, features, population
    from biometrics.weights import WeightsError

    try:
        data = dataset.read(folder, manifest)
        engine = engines.engine()
        seen = features.extract(folder, data.pictures, engine=engine, cache=_unkept(), say=say)
        everybody, counts = population.build(data, seen)
        if not everybody.labelled:
            raise BadInput("no_face", _("No face was found in these pictures."))
        return calibrate(
            everybody.known_faces(),
            near_duplicates=len(counts.duplicates),
            set_name=set_name,
            made_on=clock.today().isoformat(),
            model=name_of(engines.engine().model_id),
            enrolled=max(faces_enrolled() if enrolled is None else enrolled, 1),
            recall_target=recall_target,
            fpir_target=fpir_target,
            records_per_person=records_per_person,
        )
    except BiometricsError as error:
        raise BadInput(error.code, str(error)) from error
    except WeightsError as error:
        raise engines.plain(error) from error


def file(calibration: "Calibration", *, actor: Actor) -> bool:
    """File a calibration; whether it serves at once (the first) or waits for people (R34)."""
    row = policy_services.file_calibration(actor=actor, content=calibration.as_json())
    return bool(row.approved_at)


def _unkept() -> "Cache":
    """Templates of the people of a set are never written to disk here."""
    from biometrics.evaluation.features import Cache

    class Unkept(Cache):
        def __init__(self) -> None:
            pass

        def load(self, say: Callable[[str], None]) -> dict[str, "Features"]:
            return {}

        def save(self, features: Any) -> None:
            pass

    return Unkept()
