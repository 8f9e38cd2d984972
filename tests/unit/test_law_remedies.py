"""Authorities, complaint blocks and the words for rights (law 5.3, 5.4, T-09, T-14, O-09)."""

import pytest
from django.utils import translation

from dsr_portal.law import articles, authorities, remedies
from dsr_portal.law.articles import Right

STATES = [one.code for one in authorities.states()]


def test_thirty_two_states_and_sixteen_lands() -> None:
    assert len(STATES) == 32
    assert len(authorities.lands()) == 16


@pytest.mark.parametrize("code", STATES)
def test_every_state_has_a_block_with_authority_court_and_compensation(code: str) -> None:
    """O-09."""
    block = remedies.for_country(code, establishment_in_eu=True)
    assert block.authority.code == code
    assert block.authority.name in block.authority_lines[0]
    assert block.authority.website in block.authority_lines
    assert "court" in block.court
    assert "compensation" in block.compensation
    assert "\n".join(block.paragraphs).count(block.authority.website) == 1


def test_italy_is_the_garante() -> None:
    """A-10."""
    block = remedies.for_country("IT", establishment_in_eu=True)
    assert block.authority.short == "Garante"
    assert any("Piazza Venezia 11" in line for line in block.authority_lines)
    assert "140-bis" in block.note


@pytest.mark.parametrize("code", [None, "", "ZZ", "US"])
def test_without_a_known_country_the_generic_block_is_used(code: str | None) -> None:
    """T-14, A-10: no country is no obstacle."""
    block = remedies.for_country(code, establishment_in_eu=True)
    assert block.authority.is_generic
    assert block.authority_lines == (authorities.MEMBER_LIST,)
    assert block.note == ""


@pytest.mark.parametrize(("code", "same"), [("GR", "EL"), ("gb", "UK"), (" el ", "EL")])
def test_both_codes_of_a_state_are_known(code: str, same: str) -> None:
    assert authorities.get(code).code == same


def test_an_unknown_land_falls_back_to_its_state() -> None:
    assert authorities.get("DE-XX").code == "DE"
    assert authorities.get("DE-HH").short == "HmbBfDI"


def test_an_unsure_address_is_not_printed_until_the_operator_checked_it() -> None:
    """Law, section 0: what is unsure is never printed as a fact."""
    shipped = authorities.get("HR")
    assert shipped.confidence == "low-address"
    assert shipped.address != ""
    lines = "\n".join(remedies.for_country("HR", establishment_in_eu=True).authority_lines)
    assert "Selska" not in lines
    assert shipped.website in lines
    checked = {"HR": {"address": "Metalčeva ulica 5, 10000 Zagreb"}}
    block = remedies.for_country("HR", establishment_in_eu=True, overrides=checked)
    assert "Metalčeva ulica 5, 10000 Zagreb" in block.authority_lines
    assert not block.authority.needs_check


def test_a_mistyped_override_is_refused() -> None:
    with pytest.raises(ValueError, match="adress"):
        authorities.get("HR", overrides={"HR": {"adress": "x"}})
    with pytest.raises(ValueError, match="confidence is one of"):
        authorities.get("HR", overrides={"HR": {"confidence": "certain"}})


def test_the_court_of_our_office_is_named_only_where_there_is_one() -> None:
    """Law 5.3: the second half only if there is an establishment."""
    assert "office in the EU" in remedies.for_country("FR", establishment_in_eu=True).court
    assert "office in the EU" not in remedies.for_country("FR", establishment_in_eu=False).court
    assert "EU" not in remedies.for_country("UK", establishment_in_eu=True).court


def test_membership_of_the_union() -> None:
    assert authorities.in_eu("NL")
    assert authorities.in_eu("DE-HH")
    assert authorities.in_eu("GR")
    for code in ("NO", "UK", "CH", "US", None):
        assert not authorities.in_eu(code)


def test_every_right_has_its_article_and_words() -> None:
    """T-09."""
    assert [right for right, _ in articles.choices()] == [right.value for right in Right]
    assert articles.article(Right.ACCESS) == "Art. 15 GDPR"
    for right in Right:
        facts = articles.RIGHTS[right]
        assert str(articles.label(right))
        assert str(facts.wish)[0].islower()
        assert str(facts.explains).endswith(".")


def test_every_reason_and_ground_has_words() -> None:
    assert set(articles.EXTENSION_REASONS) == set(articles.ExtensionReason)
    assert set(articles.REFUSAL_GROUNDS) == set(articles.RefusalGround)
    assert articles.REFUSAL_GROUNDS[articles.RefusalGround.TRADE_SECRET].partial_only


def test_texts_are_made_in_the_active_language() -> None:
    with translation.override("de"):
        block = remedies.for_country("DE", establishment_in_eu=True)
    assert block.authority.name.startswith("Der/Die Bundesbeauftragte")
    assert all(isinstance(text, str) for text in block.paragraphs)
