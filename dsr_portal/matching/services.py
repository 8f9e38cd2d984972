"""What other rooms call: photos of a case, its search, and the review by two persons."""

from dsr_portal.matching.named import named_ways, start_look_up
from dsr_portal.matching.photos import may_choose as may_choose_photos
from dsr_portal.matching.photos import photos_left, take_out_photo
from dsr_portal.matching.photos import wait_for_choice as photos_differ
from dsr_portal.matching.probes import (
    Entered,
    add_probe,
    add_ways,
    choose_photos,
    confirm_origin,
    consent_given,
    delete_probes,
    enter_request,
    probe_judged,
    record_consent,
    record_identity,
    start_search_if_ready,
)
from dsr_portal.matching.repeating import bring_up_to_date, is_deciding, is_repeating
from dsr_portal.matching.reviewers import require_reviewer
from dsr_portal.matching.reviews import (
    assign_waiting_seconds,
    decide,
    end_failed_widenings,
    end_reviews,
    final_verdicts,
    finish,
    has_photo,
    mark_shown,
    open_review,
    rests_on_words,
    say_preliminary,
    take_dispute,
    take_review,
    widened,
)

__all__ = [
    "Entered",
    "add_probe",
    "add_ways",
    "assign_waiting_seconds",
    "bring_up_to_date",
    "choose_photos",
    "confirm_origin",
    "consent_given",
    "decide",
    "delete_probes",
    "end_failed_widenings",
    "end_reviews",
    "enter_request",
    "final_verdicts",
    "finish",
    "has_photo",
    "is_deciding",
    "is_repeating",
    "mark_shown",
    "may_choose_photos",
    "named_ways",
    "open_review",
    "photos_differ",
    "photos_left",
    "probe_judged",
    "record_consent",
    "record_identity",
    "require_reviewer",
    "rests_on_words",
    "say_preliminary",
    "start_look_up",
    "start_search_if_ready",
    "take_dispute",
    "take_out_photo",
    "take_review",
    "widened",
]
