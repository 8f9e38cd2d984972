"""The one sentence that answers, for the letter and for the page it is opened on (ui.md, Voice)."""

from django.utils.translation import gettext as _

from dsr_portal.documents.templatetags.documents import day
from dsr_portal.matching.models import Search


def nothing_found_words(search: Search) -> str:
    """What may be said when two persons confirmed no picture (R15)."""
    return _(
        "We did not find pictures of you. We compared your photo with the %(compared)s faces "
        "we held on %(day)s, and two people checked. A face search can miss pictures: you can "
        "try again with another photo or a link, as often as you like."
    ) % {"compared": search.compared, "day": day(search.finished_at)}
