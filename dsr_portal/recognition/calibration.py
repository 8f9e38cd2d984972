"""Thresholds and odds in force: measured by `manage.py calibrate`, decided by people (R22, R34).

Two things are said only where they were measured: the odds of a candidate (R21) and how much a
search misses (R15). A calibration speaks for the model it was made with and for the thresholds it
brought; where people set another threshold later, its figure of misses is not repeated.
"""

import functools
import json
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
OUTGROWN: Final = 2.0

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

    One of the values of `biometrics.odds.Step`. ``kind``: "one_photo", "several_photos" or
    "widened", for each has odds of its own. ``enrolled``: faces compared; None counts them.
    """
    calibration = in_force()
    if calibration is None or kind not in _odds(calibration):
        return ""
    from biometrics.odds import OddsModel

    count = faces_enrolled() if enrolled is None else enrolled
    if count < 1:
        return ""
    return OddsModel.from_json(_odds(calibration)[kind]).step(score, count).value


def measured_misses(threshold: float | None, *, photos: int = 1) -> MeasuredMisses | None:
    """What a search at this threshold misses, if that was measured here on enough people.

    The shipped calibration says nothing about this installation's pictures, one made for another
    threshold nothing about this search, and what one photo misses nothing about several.
    """
    calibration = in_force()
    if calibration is None or calibration.shipped or photos > 1:
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
        people=content["people_with_pairs"],
        missed=1.0 - found["value"],
        low=1.0 - found["high"],
        high=1.0 - found["low"],
    )


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


def _odds(calibration: InForce) -> dict[str, Any]:
    odds: dict[str, Any] = calibration.content["odds"]
    return odds


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
    import numpy as np

    from biometrics.calibration import LabelledFaces, calibrate
    from biometrics.errors import BiometricsError
    from biometrics.evaluation import dataset, features
    from biometrics.weights import WeightsError

    try:
        data = dataset.read(folder, manifest)
        engine = engines.engine()
        seen = features.extract(folder, data.pictures, engine=engine, cache=_unkept(), say=say)
        rows, people = [], []
        numbers: dict[str, int] = {}
        known: set[str] = set()
        for picture, one in zip(data.pictures, seen, strict=True):
            if one.seen.labelled < 0 or one.seen.sha256 in known:
                continue
            known.add(one.seen.sha256)
            rows.append(one.templates[one.seen.labelled])
            people.append(numbers.setdefault(picture.identity, len(numbers)))
        if not rows:
            raise BadInput("no_face", _("No face was found in these pictures."))
        return calibrate(
            LabelledFaces(np.stack(rows), np.array(people, dtype=np.intp)),
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
