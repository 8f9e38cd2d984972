"""The draft of an impact assessment that comes with the program: a start, and plainly no more.

It says what this program does. What only the controller knows stands as an open point, and a text
with an open point can't be submitted (law P-09, AI-03, B-10).
"""

from dataclasses import dataclass
from typing import Any

from django.utils.translation import gettext_lazy as _

OPEN_POINT = "[TO COMPLETE"
"""How an open point begins, in the shipped text and wherever a writer leaves one."""

EUROPE_LINE = _(
    "Read with: Council of Europe, Guidelines on facial recognition (T-PD(2020)03rev4, 28 January "
    "2021): no covert use, a legal basis for each use, tests of accuracy, the least data."
)


@dataclass(frozen=True, slots=True)
class Part:
    """One section of the assessment: the law that asks for it, and where a writer starts."""

    code: str
    title: Any
    law: str
    draft: Any


PARTS: tuple[Part, ...] = (
    Part(
        "description",
        _("What is processed, how and why"),
        "Art. 35(7)(a) GDPR",
        _(
            "The portal lets a person ask which pictures and face codes the controller holds "
            "of them, see them, and have them erased. With the person's consent it makes a "
            "face code of a photo they send and compares it with every enrolled face. People "
            "of staff decide about each possible match; a second one decides blind. The photo "
            "and its face code are deleted after the request. Staff read the photo, the "
            "contact data and what the person wrote.\n"
            "[TO COMPLETE: which gallery, from which sources, how many faces and people; who "
            "uses the portal; hosting, mail and other processors; how long each thing is kept "
            "here.]"
        ),
    ),
    Part(
        "interests",
        _("Purposes and legitimate interests"),
        "Art. 35(7)(a) GDPR",
        _(
            "Purpose: to answer requests under Articles 15 to 22 and to prove that they were "
            "answered (Art. 12, 5(2)). Basis for comparing a face: explicit consent (Art. "
            "9(2)(a)). Basis for the rest: legal obligation (Art. 6(1)(c)).\n"
            "[TO COMPLETE: any interest of the controller's own, and the basis of the gallery "
            "itself, which this assessment does not replace.]"
        ),
    ),
    Part(
        "necessity",
        _("Necessity and proportionality"),
        "Art. 35(7)(b) GDPR",
        _(
            "Who has nothing but a face can't be found otherwise. A photo is one way among "
            "others: an address of a page, the very file or an account name are searched "
            "without comparing any face. No document is asked for as a rule. The photo serves "
            "for nothing else.\n"
            "[TO COMPLETE: why each kind of data is needed here, and what was considered "
            "instead.]"
        ),
    ),
    Part(
        "risks",
        _("Risks to the rights and freedoms of people"),
        "Art. 35(7)(c) GDPR",
        _(
            "A stranger is taken for the person and sees somebody else's pictures. A picture "
            "is missed and stays. Somebody asks in another's name to find out where they "
            "appear. Others in the same pictures are shown. The photos that are sent become a "
            "second gallery. A search is less exact for some groups of people than for others.\n"
            "[TO COMPLETE: likelihood and severity of each for this controller's gallery, and "
            "further risks.]"
        ),
    ),
    Part(
        "measures",
        _("Measures against these risks"),
        "Art. 35(7)(d) GDPR",
        _(
            "Identity before the search; two persons for each match; covered faces of others; "
            "links that open with a code only; one key for each photo, destroyed with it; no "
            "free search; a trail that shows changes; thresholds changed by two persons with "
            "the data protection officer's advice; deletion shown by checks.\n"
            "[TO COMPLETE: which risk each measure lowers, what is left, tests of accuracy "
            "made here and for which groups of people, and the controller's own measures.]"
        ),
    ),
    Part(
        "views",
        _("Views of the people concerned or of those who speak for them"),
        "Art. 35(9) GDPR",
        _(
            "[TO COMPLETE: whom you asked, when, what they said and what came of it; or why it "
            "was not appropriate to ask.]"
        ),
    ),
    Part(
        "consultation",
        _("Prior consultation of the authority"),
        "Art. 36 GDPR",
        _(
            "[TO COMPLETE: whether a high risk is left after the measures. If so, which "
            "authority was consulted, when, and what it advised.]"
        ),
    ),
    Part(
        "ai_memo",
        _("Class under the AI Act"),
        "Regulation (EU) 2024/1689, Art. 3(35), 6, Annex III(1)(a)",
        _(
            "The person who asks takes part in the search; the people in the gallery do not. "
            "Whether this is remote biometric identification is open. The program is built as "
            "if it were high-risk: people oversee each decision, events are logged, accuracy "
            "is printed or said to be untested. The duties apply from 2 December 2027.\n"
            "[TO COMPLETE: the class you choose, with your reasons.]"
        ),
    ),
    Part(
        "europe",
        _("Council of Europe"),
        "Convention 108+; Guidelines on facial recognition (2021)",
        _(
            "No covert use: a face is compared only when its owner asks for it. Accuracy is "
            "measured and printed, or printed as not tested.\n"
            "[TO COMPLETE: how the guidelines are followed here.]"
        ),
    ),
)
CODES = tuple(part.code for part in PARTS)


def text() -> dict[str, str]:
    """The draft, section by section."""
    return {part.code: str(part.draft) for part in PARTS}
