"""Articles as the reader's own language cites them (law T-02)."""

import pytest
from django.utils import translation

from dsr_portal.law import articles

FACTS = [
    *articles.REFUSAL_GROUNDS.values(),
    *articles.EXEMPTIONS.values(),
    *articles.ERASURE_GROUNDS.values(),
    *articles.CORRECTION_GROUNDS.values(),
]


@pytest.mark.parametrize(
    ("language", "words"),
    [
        ("en", ("Art. 17(3)(e) GDPR", "Art. 15(4) GDPR", "Art. 16 GDPR")),
        ("nl", ("Art. 17, lid 3, onder e, AVG", "Art. 15, lid 4, AVG", "Art. 16 AVG")),
        ("de", ("Art. 17 Abs. 3 Buchst. e DSGVO", "Art. 15 Abs. 4 DSGVO", "Art. 16 DSGVO")),
    ],
)
def test_an_article_is_cited_as_its_readers_do(language: str, words: tuple[str, ...]) -> None:
    with translation.override(language):
        assert tuple(map(articles.cited, ("Art. 17(3)(e)", "Art. 15(4)", "Art. 16"))) == words


@pytest.mark.parametrize("ground", FACTS, ids=lambda ground: ground.article)
def test_every_ground_a_letter_names_can_be_cited(ground: articles.GroundFacts) -> None:
    assert articles.cited(ground.article).endswith(" GDPR")
