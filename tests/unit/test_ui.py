"""Components, form fields, tokens and contrast of the pages (WCAG 2.2; design, section 7)."""

import re
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest
from django import forms
from django.conf import settings as django_settings
from django.template import Context, Template, TemplateSyntaxError
from django.template.loader import get_template, render_to_string
from django.test import RequestFactory
from django.utils import translation

from dsr_portal.core import clock, contrast
from dsr_portal.core.component_page import sample_context
from dsr_portal.core.forms import ChoiceBoxes, ChoiceCards, CodeInput, PhotoInput, PlainForm
from dsr_portal.core.templatetags import ui

STATIC = Path(django_settings.STATICFILES_DIRS[0])
TEMPLATES = Path(django_settings.TEMPLATES[0]["DIRS"][0])
CSS = (STATIC / "ui.css").read_text()


@pytest.fixture(autouse=True)
def _no_demo(settings):
    settings.DSR_DEMO = False


def render(source, **context):
    return Template("{% load ui %}" + source).render(Context(context))


def test_a_template_is_read_once():
    """A page is made of thirty: compiled anew for each they take longer than all the rest of it."""
    first = get_template("ui/tag.html").template
    assert get_template("ui/tag.html").template is first


# Words ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("days", "words", "tone"),
    [
        (12, "12 days left", "ok"),
        (8, "8 days left", "ok"),
        (7, "7 days left", "warn"),
        (1, "1 day left", "warn"),
        (0, "due today", "warn"),
        (-1, "overdue by 1 day", "bad"),
        (-3, "overdue by 3 days", "bad"),
    ],
)
def test_due_dates_are_words(days, words, tone):
    due = clock.today() + timedelta(days=days)
    assert (ui.due_words(due), ui.due_tone(due)) == (words, tone)
    assert words in ui.ui_due(due)


def test_due_words_count_days_of_the_portals_own_zone():
    noon = clock.now().replace(hour=12)
    assert ui.due_words(noon + timedelta(days=2)) == ui.due_words(
        clock.local_date(noon + timedelta(days=2))
    )
    assert (ui.due_words(None), ui.due_tone(None), ui.day(None), ui.moment(None)) == (
        "no date",
        "",
        "",
        "",
    )


def test_dates_are_written_out():
    assert ui.day(date(2026, 3, 12)) == "12 March 2026"
    assert ui.moment(datetime(2026, 3, 12, 13, 3, tzinfo=UTC)) == "12 March 2026, 14:03"
    with translation.override("de"):
        assert ui.day(date(2026, 3, 12)) == "12. März 2026"


def test_codes_are_grouped():
    assert ui.groups("7Q2M9XKD4TBV81RC") == "7Q2M 9XKD 4TBV 81RC"
    assert ui.groups("7Q2M 9XKD 4") == "7Q2M 9XKD 4"
    assert ui.groups("abcdef", 2) == "ab cd ef"


# Components ----------------------------------------------------------------------------------


def test_what_people_typed_is_escaped_in_every_component():
    evil = "<script>x</script>"
    pieces = [
        ui.ui_button(evil),
        ui.ui_button(evil, href="javascript:x", id=evil),
        ui.ui_tag(evil),
        ui.ui_progress(evil),
        ui.ui_complaint({"name": evil, "url": evil}),
        ui.ui_chips(evil, evil, [(evil, evil)]),
        ui.ui_summary([{"key": evil, "value": evil, "change": evil}]),
        ui.ui_way([{"title": evil, "state": "now", "text": evil}]),
        ui.ui_facts([(evil, evil)]),
        ui.ui_activity([{"when": clock.now(), "text": evil}]),
        ui.ui_stage({"src": evil, "alt": evil, "caption": evil}, {"src": evil}),
        ui.ui_bar_chart(evil, [(evil, 3)]),
        render("{% ui_notice 'note' title=evil %}{{ evil }}{% endui_notice %}", evil=evil),
        render("{% ui_next evil who=evil %}{{ evil }}{% endui_next %}", evil=evil),
        render("{% ui_picture evil alt=evil label=evil %}{{ evil }}{% endui_picture %}", evil=evil),
        render("{% ui_table evil %}{{ evil }}{% endui_table %}", evil=evil),
        render("{% ui_dialog 'keys' evil %}{{ evil }}{% endui_dialog %}", evil=evil),
    ]
    for piece in pieces:
        assert "<script" not in piece
        assert "&lt;script" in piece


def test_notice_always_prints_its_word():
    for kind, word in ui.NOTICE_WORDS.items():
        assert f"<b>{word}</b>" in render(f"{{% ui_notice '{kind}' %}}x{{% endui_notice %}}")
    with pytest.raises(TemplateSyntaxError):
        render("{% ui_notice 'green' %}x{% endui_notice %}")


def test_way_line_says_its_states_in_words():
    html = ui.ui_way(
        [
            {"title": "Received", "state": "done"},
            {"title": "Checking", "state": "now"},
            {"title": "Answer ready", "state": "next"},
        ]
    )
    assert re.findall(r'class="sr">(\w+):', html) == ["Done", "Now", "Later"]
    assert html.count('aria-current="step"') == 1


def test_picture_is_covered_without_a_script():
    """R13: pictures are covered until Show."""
    html = render("{% ui_picture '/p.jpg' alt='You' %}{% endui_picture %}")
    assert "<details>" in html
    assert 'loading="lazy"' in html
    assert "Show picture" in html


def test_chart_has_the_same_numbers_as_a_table():
    with translation.override("de"):
        html = ui.ui_bar_chart("Cases", [("Received", 42), ("Late", 0)], unit="Cases")
    assert len(re.findall(">42<", html)) == 2
    assert re.findall(r'width="([\d.]+)" height="22"', html) == ["260.0", "0.0"]
    assert ui.ui_bar_chart("Empty", []).count("<rect") == 0


def test_error_summary_links_each_error_to_its_first_control():
    class Sample(PlainForm):
        way = forms.ChoiceField(choices=[("a", "A"), ("b", "B")], widget=ChoiceCards)
        code = forms.CharField(label="Receipt code", widget=CodeInput)

        def clean(self):
            raise forms.ValidationError("Both are needed.")

    form = Sample({})
    html = ui.ui_error_summary(form, None)
    assert "There is a problem" in html
    assert re.findall(r'href="#(\w+)"', html) == ["id_way_0", "id_code"]
    assert "Both are needed." in html
    fields = form["way"].as_field_group() + form["code"].as_field_group()
    for target in ("id_way_0", "id_code"):
        assert f'id="{target}"' in fields
    assert ui.ui_error_summary(Sample()) == ""


def test_field_is_tied_to_its_hint_and_error():
    class Sample(PlainForm):
        code = forms.CharField(label="Code", help_text="16 letters", widget=CodeInput(digits=True))
        agree = forms.BooleanField(label="Compare")
        note = forms.CharField(label="Note", required=False)

    form = Sample({})
    html = form["code"].as_field_group()
    assert 'aria-describedby="id_code_helptext id_code_error"' in html
    assert 'id="id_code_helptext"' in html
    assert 'id="id_code_error"' in html
    assert 'aria-invalid="true"' in html
    assert 'autocomplete="one-time-code"' in html
    assert "Fill in: Code." in html
    assert "Tick this box to go on." in form["agree"].as_field_group()
    assert "(optional)" in form["note"].as_field_group()
    assert "<h1>Code</h1>" in ui.ui_field(form["code"], question=True)


def test_own_words_of_a_field_come_first():
    class Sample(PlainForm):
        photo = forms.FileField(
            widget=PhotoInput, error_messages={"required": "Add a photo of you."}
        )
        rights = forms.MultipleChoiceField(choices=[("a", "A")], widget=ChoiceBoxes)

    form = Sample({})
    assert form.errors["photo"] == ["Add a photo of you."]
    assert form.errors["rights"] == ["Choose at least one of these."]


def test_choice_cards_tie_hints_to_their_option():
    class Sample(forms.Form):
        way = forms.ChoiceField(
            choices=[("photo", "Photo"), ("page", "Page")],
            widget=ChoiceCards(hints={"photo": "We delete it after."}),
        )

    html = Sample()["way"].as_field_group()
    assert html.count("<legend>") == 1
    assert 'aria-describedby="id_way_0_hint"' in html
    assert 'id="id_way_0_hint"' in html
    assert "id_way_1_hint" not in html


# Pages ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("base", ["base_public.html", "base_desk.html", "base_oversight.html"])
def test_component_page_renders_on_every_base_without_inline_code(base):
    """Design, section 7: strict CSP; no inline style or script, nothing from elsewhere."""
    request = RequestFactory().get("/demo/ui/")
    html = render_to_string(
        "ui/all.html", {**sample_context(), "base_template": base}, request=request
    )
    assert "<title>Error: " in " ".join(html.split())
    assert not re.search(r"\sstyle=|\son\w+=|<style|javascript:", html)
    assert all(" src=" in tag for tag in re.findall(r"<script[^>]*>", html))
    assert not re.findall(r'(?:src|href)="https?://(?!www\.autoriteit)', html)
    ids = re.findall(r'\sid="([^"]+)"', html)
    assert sorted(ids) == sorted(set(ids))


def test_no_template_carries_inline_style_or_script():
    pages = [page for page in TEMPLATES.rglob("*.html") if "documents" not in page.parts]
    assert len(pages) > 40
    for page in pages:
        source = page.read_text()
        assert not re.search(r"\sstyle=|\son(?:click|change|submit|load)=|<style", source), page
        assert not re.search(r"<script(?![^>]*\ssrc=)", source), page


@pytest.mark.parametrize("name", ["400", "403", "403_csrf", "404", "413", "500", "portal_error"])
def test_error_pages_render_without_any_context(name):
    html = render_to_string(f"errors/{name}.html")
    assert "<h1>" in html
    assert "unfortunately" not in html.lower()


def test_sizes_stay_small():
    """ui.md: one stylesheet up to 25 KB, own scripts up to 40 KB."""
    assert (STATIC / "ui.css").stat().st_size <= 25_000
    assert sum(path.stat().st_size for path in STATIC.rglob("*.js")) <= 40_000
    assert "@import" not in CSS
    assert "url(" not in CSS


# Colours -------------------------------------------------------------------------------------


def tokens(theme):
    block = CSS.split("@media (prefers-color-scheme: dark)")[theme == "dark"].split("}")[0]
    return dict(re.findall(r"--([a-z-]+): (#[0-9a-f]{3,6})", block))


def grounds(theme):
    found = tokens(theme)
    names = ("bg", "surface", "sunken", "ok-tint", "warn-tint", "bad-tint", "info-tint")
    return [found[name] for name in names]


def whole(colour):
    return contrast.parse(colour)


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_every_token_can_be_read_on_every_background(theme):
    """WCAG 2.2 SC 1.4.3 and 1.4.11, on the values the stylesheet really has."""
    found = tokens(theme)
    assert [whole(one) for one in grounds(theme)] == [
        whole(one) for one in contrast.BACKGROUNDS[theme]
    ]
    for ground in grounds(theme):
        for name in ("text", "muted", "link", "visited", "brand"):
            assert contrast.contrast(found[name], ground) >= 4.5, (name, ground)
        for name in ("control", "focus"):
            assert contrast.contrast(found[name], ground) >= 3, (name, ground)
    for name in ("ok", "warn", "bad", "info"):
        assert contrast.contrast(found[name], found[f"{name}-tint"]) >= 4.5
        assert contrast.contrast(found[name], found["surface"]) >= 4.5
    for name in ("brand", "brand-hover"):
        assert contrast.contrast(found["on-brand"], found[name]) >= 4.5


def test_focus_and_words_can_be_seen_on_the_stage():
    found = tokens("light")
    assert contrast.contrast(found["stage-focus"], found["stage"]) >= 3
    assert contrast.contrast(found["on-stage"], found["stage"]) >= 4.5


def test_contrast_is_that_of_wcag():
    assert contrast.contrast("#000", "#fff") == pytest.approx(21)
    assert contrast.contrast("#767676", "#ffffff") == pytest.approx(4.54, abs=0.01)
    assert contrast.contrast("#fff", "#fff") == 1


@pytest.mark.parametrize(
    ("brand", "count"),
    [
        ({}, 0),
        ({"brand": "#1f5f5b", "link": "#1b5e74"}, 0),
        ({"brand": "#ffcc00"}, 2),
        ({"link": "#8cc4dc"}, 1),
        ({"brand_dark": "#1f5f5b"}, 2),
        ({"brand": "green"}, 1),
        ({"logo": "#000000"}, 1),
    ],
)
def test_operators_colours_are_refused_when_hard_to_read(settings, brand, count):
    settings.DSR_BRAND = brand
    assert len(contrast.brand_is_readable()) == count


def test_operators_colours_are_a_stylesheet_of_their_own(settings):
    settings.DSR_BRAND = {"brand": "#123456", "link_dark": "#abcdef"}
    answer = contrast.brand_css(RequestFactory().get("/brand.css"))
    assert answer["Content-Type"] == "text/css"
    css = answer.content.decode()
    assert ":root{--brand:rgb(18 52 86);" in css
    assert "--link:rgb(171 205 239);" in css.split("@media")[1]
