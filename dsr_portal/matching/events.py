"""What the audit trail keeps of probes, searches and decisions (law L-02 to L-05, L-13)."""

from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from dsr_portal.audit.schema import Code, Count, Day, EventType, Flag, Id, Many, Number, StaffNo
from dsr_portal.core.registries import event_types, sentences
from dsr_portal.matching import around
from dsr_portal.matching.browsing_models import Why

POSITION = Code(choices=("first", "second", "supervisor"))
VERDICT = Code(choices=("same", "not_same", "inconclusive"))

TYPES = (
    EventType("probe.received", {"channel": Code(), "consent": Flag()}, ("L-01", "L-03")),
    EventType("probe.judged", {"verdict": Code(), "findings": Count()}, ("L-04",)),
    EventType(
        "probe.face_choice",
        {"faces": Count(), "outcome": Code(choices=("chosen", "none", "over"))},
        ("L-13", "P-05"),
    ),
    EventType("probe.deleted", {"reason": Code()}, ("L-13", "P-06")),
    EventType("photos.chosen", {"photos": Count(), "set_aside": Count()}, ("L-05", "L-02")),
    EventType("picture.aside_judged", {"verdict": VERDICT}, ("C-09", "L-05")),
    EventType("search.queued", {}, ("L-04",)),
    EventType("search.incomplete", {"groups": Count()}, ("L-04", "N-14")),
    EventType("search.apart", {"photos": Count()}, ("L-04", "L-02")),
    EventType("search.stopped", {"reason": Code()}, ("P-03",)),
    EventType(
        "search.performed",
        {
            "model": Code(),
            "weights": Code(),
            "alignment": Code(),
            "photos": Count(),
            "threshold": Number(),
            "strong_threshold": Number(),
            "compared": Count(),
            "enrolled": Count(),
            "found_by_graph": Count(),
            "added_by_sweep": Count(),
            "swept_only": Count(),
            "candidates": Count(),
            "strong": Count(),
            "change": Count(),
            "findings": Many(Code()),
            "milliseconds": Count(),
            "detector": Code(),
            "metric": Code(),
            "top_k": Code(),
            "inputs": Many(Id()),
            **around.FIELDS,
        },
        ("L-04", "AI-04"),
    ),
    EventType(
        "search.widened",
        {
            "photos": Count(),
            "hop": Count(),
            "used": Count(),
            "far": Count(),
            "threshold": Number(),
            "candidates": Count(),
            "compared": Count(),
            "enrolled": Count(),
            "milliseconds": Count(),
        },
        ("L-04", "N-14"),
    ),
    EventType("search.widening_failed", {"hop": Count(), "reason": Code()}, ("L-04", "N-14")),
    EventType(
        "search.looked_up",
        {
            "kinds": Many(Code(choices=("page", "file", "account"))),
            "named": Count(),
            "found": Count(),
            "pictures": Count(),
            "records": Count(),
            "milliseconds": Count(),
            "change": Count(),
            **around.FIELDS,
        },
        ("L-04", "T-06", "AI-04"),
    ),
    EventType("review.taken", {"position": POSITION}, ("L-05", "L-14")),
    EventType("review.drawn", {"officer": StaffNo()}, ("L-05", "L-14")),
    EventType(
        "decision.made",
        {
            "position": POSITION,
            "verdict": VERDICT,
            "preliminary": VERDICT,
            "band": Code(choices=("strong", "review", "below", "none")),
            "changed": Flag(),
            "with_reason": Flag(),
            "quick": Flag(),
        },
        ("L-05", "P-12"),
    ),
    EventType("review.finished", {"position": POSITION}, ("L-05", "A-20")),
    EventType("case.opened_not_own", {"why": Code(choices=tuple(Why.values))}, ("L-14", "X-09")),
    EventType(
        "desk.much_browsing",
        {"staff": StaffNo(), "opened": Count(), "on": Day()},
        ("L-14", "X-09"),
    ),
    EventType("review.freed", {"position": POSITION}, ("L-05", "X-09")),
    EventType("review.sent_back", {"candidates": Count()}, ("L-05",)),
    EventType("review.disputed", {"candidates": Count()}, ("L-05",)),
    EventType(
        "review.decided",
        {"same": Count(), "not_same": Count(), "inconclusive": Count(), "disputed": Count()},
        ("L-05", "A-20"),
    ),
)
for _type in TYPES:
    event_types.register(_type)


def _face_choice(outcome: str) -> str:
    if outcome == "chosen":
        return _("One face of the photo was chosen. The photo with the others was deleted.")
    return _("No face of the photo was chosen. It was deleted.")


sentences.register(
    "picture.aside_judged",
    lambda p: _("A senior officer said whom a picture that is put aside shows."),
)
sentences.register("probe.received", lambda p: _("A photo arrived."))
sentences.register("probe.judged", lambda p: _("The photo was checked."))
sentences.register("probe.face_choice", lambda p: _face_choice(p["outcome"]))
sentences.register("probe.deleted", lambda p: _("The photo was deleted."))
sentences.register(
    "photos.chosen",
    lambda p: (
        ngettext(
            "An officer chose %(photos)s photo to search with.",
            "An officer chose %(photos)s photos to search with.",
            p["photos"],
        )
        % {"photos": p["photos"]}
    ),
)
sentences.register("search.queued", lambda p: _("The search waits for its turn."))
sentences.register(
    "search.incomplete",
    lambda p: _("Not every face could be compared. The search is made again."),
)
sentences.register(
    "search.apart",
    lambda p: _("Nothing was searched: the photos are too unlike to be one person's."),
)
sentences.register(
    "search.widened",
    lambda p: (
        _("The search was widened with %(used)s confirmed faces: %(candidates)s more to look at.")
        % {"used": p["used"], "candidates": p["candidates"]}
    ),
)
sentences.register(
    "search.widening_failed",
    lambda p: _("Widening the search failed. What was found before stands."),
)
sentences.register("search.stopped", lambda p: _("The search was stopped."))
sentences.register(
    "search.performed",
    lambda p: (
        ngettext(
            "The photo was compared with %(compared)s of %(enrolled)s faces: "
            "hnswlib %(graph)s, the sweep added %(sweep)s.",
            "%(photos)s photos together were compared with %(compared)s of %(enrolled)s faces: "
            "hnswlib %(graph)s, the sweep added %(sweep)s.",
            p.get("photos", 1),
        )
        % {
            "photos": p.get("photos", 1),
            "compared": p["compared"],
            "enrolled": p["enrolled"],
            "graph": p["found_by_graph"],
            "sweep": p["added_by_sweep"],
        }
    ),
)
sentences.register(
    "search.looked_up",
    lambda p: (
        ngettext(
            "What the person named was looked up: %(found)s picture among %(pictures)s; "
            "no face was compared for it.",
            "What the person named was looked up: %(found)s pictures among %(pictures)s; "
            "no face was compared for it.",
            p["found"],
        )
        % {"found": p["found"], "pictures": p["pictures"]}
    ),
)
sentences.register("review.taken", lambda p: _("An officer took the case."))
sentences.register("review.drawn", lambda p: _("The second person was drawn."))
sentences.register("decision.made", lambda p: _("An officer decided about one picture."))
sentences.register("review.finished", lambda p: _("One person finished the review."))
sentences.register(
    "case.opened_not_own",
    lambda p: _("Somebody whose work it is not opened the case and said why."),
)
sentences.register("review.freed", lambda p: _("A part of the review was given back."))
sentences.register("review.sent_back", lambda p: _("All rejected pictures went back."))
sentences.register("review.disputed", lambda p: _("The two persons see something differently."))
sentences.register(
    "review.decided",
    lambda p: (
        ngettext(
            "The review ended: %(same)s picture is of the same person.",
            "The review ended: %(same)s pictures are of the same person.",
            p["same"],
        )
        % {"same": p["same"]}
    ),
)
