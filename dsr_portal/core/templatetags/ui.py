"""Components of the pages as template tags; docs/ui.md shows each with an example.

One template per component in templates/ui/. Tags take everything by argument, so that nothing
leaks in from a page's context; what has a body is a block tag.
"""

from collections.abc import Iterable, Mapping, Sequence
from datetime import date, datetime
from typing import Any

from django import template
from django.conf import settings
from django.forms import BoundField
from django.forms.forms import BaseForm
from django.http import HttpRequest
from django.template.loader import render_to_string
from django.urls import NoReverseMatch, reverse, translate_url
from django.utils import formats, timezone, translation
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from dsr_portal.core import clock

register = template.Library()

NOTICE_WORDS = {
    "done": gettext_lazy("Done"),
    "note": gettext_lazy("Note"),
    "needs": gettext_lazy("Needs you"),
    "problem": gettext_lazy("Problem"),
}
STATE_WORDS = {
    "done": gettext_lazy("Done"),
    "now": gettext_lazy("Now"),
    "next": gettext_lazy("Later"),
}
BUTTON_KINDS = ("", "quiet", "danger")
TONES = ("", "ok", "warn", "bad", "info")
# A due date within a working week is worth a colour; the words say it anyway.
SOON_DAYS = 7
CHART_BAR = 22
CHART_LABEL = 150
CHART_WIDTH = 480


def _one_of(value: str, allowed: Iterable[str], what: str) -> str:
    if value not in allowed:
        message = f"{what} is {value!r}; it must be one of {', '.join(map(repr, allowed))}"
        raise template.TemplateSyntaxError(message)
    return value


def _component(component: str, /, **context: Any) -> SafeString:
    return render_to_string(f"ui/{component}.html", context)


# Words -------------------------------------------------------------------------------------


def _as_date(value: date | datetime) -> date:
    if isinstance(value, datetime):
        return timezone.localtime(value).date() if timezone.is_aware(value) else value.date()
    return value


@register.filter
def due_words(value: date | datetime | None) -> str:
    """A due date in words: "12 days left", "due today", "overdue by 3 days"."""
    if not value:
        return _("no date")
    days = (_as_date(value) - clock.today()).days
    if days == 0:
        return _("due today")
    if days > 0:
        return ngettext("%(days)d day left", "%(days)d days left", days) % {"days": days}
    return ngettext("overdue by %(days)d day", "overdue by %(days)d days", -days) % {"days": -days}


@register.filter
def due_tone(value: date | datetime | None) -> str:
    """The tone that goes with `due_words`: ok, warn within a week, bad when over."""
    if not value:
        return ""
    days = (_as_date(value) - clock.today()).days
    if days < 0:
        return "bad"
    return "warn" if days <= SOON_DAYS else "ok"


@register.filter
def day(value: date | datetime | None) -> str:
    """A date in the page's language: "12 March 2026"."""
    return formats.date_format(_as_date(value), _date_format()) if value else ""


def _date_format() -> str:
    """English pages write 12 March 2026, which nobody can misread; others as they are used to."""
    return "j F Y" if (translation.get_language() or "en").startswith("en") else "DATE_FORMAT"


@register.filter
def moment(value: datetime | None) -> str:
    """A date with its time: "12 March 2026, 14:03"."""
    if not value:
        return ""
    local = timezone.localtime(value) if timezone.is_aware(value) else value
    return f"{formats.date_format(local, _date_format())}, {formats.time_format(local, 'H:i')}"


@register.filter
def groups(value: object, size: int = 4) -> str:
    """A code or hash in groups, so that people can read it out: "ABCD EFGH"."""
    text = "".join(str(value).split())
    return " ".join(text[at : at + size] for at in range(0, len(text), size))


# Small pieces ------------------------------------------------------------------------------


@register.simple_tag
def ui_button(
    text: str,
    *,
    kind: str = "",
    href: str = "",
    name: str = "",
    value: str = "",
    type: str = "submit",
    id: str = "",
    form: str = "",
    popover: str = "",
    key: str = "",
    disabled: bool = False,
) -> SafeString:
    """A button; with `href` a link that looks like one."""
    _one_of(kind, BUTTON_KINDS, "kind")
    return _component(
        "button",
        text=text,
        kind=kind,
        href=href,
        name=name,
        value=value,
        type=type,
        id=id,
        form=form,
        popover=popover,
        key=key,
        disabled=disabled,
    )


@register.simple_tag
def ui_tag(text: str, tone: str = "", title: str = "") -> SafeString:
    """A state in words, with a tone."""
    return _component("tag", text=text, tone=_one_of(tone, TONES, "tone"), title=title)


@register.simple_tag
def ui_due(value: date | datetime | None) -> SafeString:
    """A due date as a tag: its words, its tone and, on pointing at it, the date."""
    return _component("tag", text=due_words(value), tone=due_tone(value), title=day(value))


@register.simple_tag
def ui_step(number: int, total: int, *, label: str = "") -> SafeString:
    """The step line: "Step 2 of 5"."""
    return _component("step", number=number, total=total, label=label)


@register.simple_tag
def ui_back(href: str, text: str = "") -> SafeString:
    return _component("back", href=href, text=text or _("Back"))


# Messages ----------------------------------------------------------------------------------


@register.simple_block_tag
def ui_notice(content: str, kind: str, *, title: str = "", word: str = "") -> SafeString:
    """A notice: done, note, needs (you) or problem. Its word is always printed."""
    _one_of(kind, NOTICE_WORDS, "kind")
    return _component(
        "notice", content=content, kind=kind, title=title, word=word or NOTICE_WORDS[kind]
    )


@register.filter
def notice_kind(level_tag: str) -> str:
    """The kind of notice for a level of django.contrib.messages."""
    return {"success": "done", "warning": "needs", "error": "problem"}.get(level_tag, "note")


@register.simple_tag
def ui_error_summary(*forms: BaseForm | None) -> SafeString:
    """What is wrong, at the top, each line a link to its field. Nothing when all is well."""
    lines = [line for form in forms if form is not None for line in _error_lines(form)]
    return _component("error_summary", lines=lines) if lines else SafeString("")


def _error_lines(form: BaseForm) -> list[dict[str, str]]:
    lines = [{"text": str(error), "target": ""} for error in form.non_field_errors()]
    for field in form:
        lines += [{"text": str(error), "target": _target(field)} for error in field.errors]
    return lines


def _target(field: BoundField) -> str:
    """The id of the first control of a field, where the focus should go."""
    if field.use_fieldset:
        return f"{field.auto_id}_0"
    return field.id_for_label or str(field.auto_id)


@register.simple_tag
def ui_progress(
    words: str, *, done: int | None = None, total: int | None = None, poll: str = ""
) -> SafeString:
    """Progress in words, with a bar when counts are known; `poll`: a JSON address."""
    return _component("progress", words=words, done=done, total=total, poll=poll)


@register.simple_tag
def ui_complaint(authority: Any = None, *, email: str = "") -> SafeString:
    """The right to complain, always there: authority (name, url, address, email) and the DPO."""
    return _component("complaint", authority=authority, email=email)


# Forms -------------------------------------------------------------------------------------


@register.simple_tag
def ui_field(field: BoundField, *, question: bool = False) -> SafeString:
    """A form field with label, hint and error; with `question` its label is the page's h1."""
    return _component("forms/field", field=field, question=question)


@register.simple_tag
def ui_chips(
    legend: str,
    name: str,
    options: Sequence[tuple[str, str]],
    *,
    chosen: str | Sequence[str] = "",
    many: bool = False,
) -> SafeString:
    """A row of toggles: one of several, or with `many` any of them."""
    picked = [chosen] if isinstance(chosen, str) else list(chosen)
    return _component(
        "chips",
        legend=legend,
        name=name,
        options=options,
        picked=picked,
        type="checkbox" if many else "radio",
    )


@register.simple_tag
def ui_filters(form: BaseForm, *, reset: str = "") -> SafeString:
    """The filter bar of a list: a GET form, so that every view of the list has an address."""
    return _component("filters", form=form, reset=reset)


@register.simple_tag
def ui_decision(form: BaseForm, csrf_token: str, *, action: str = "") -> SafeString:
    """The decision bar: the form's field `decision` as keys 1 2 3, further fields, one button."""
    return _component("decision", form=form, csrf_token=csrf_token, action=action)


# Lists -------------------------------------------------------------------------------------


@register.simple_tag
def ui_summary(rows: Sequence[Mapping[str, Any]]) -> SafeString:
    """What was answered, with Change links: rows of key, value, and maybe change (an address)."""
    return _component("summary", rows=rows)


@register.simple_tag
def ui_way(steps: Sequence[Mapping[str, Any]]) -> SafeString:
    """The way line: steps of title, state (done, now, next), maybe when and text."""
    prepared = [
        {**step, "word": STATE_WORDS[_one_of(step["state"], STATE_WORDS, "state")]}
        for step in steps
    ]
    return _component("way", steps=prepared)


@register.simple_tag
def ui_facts(facts: Sequence[tuple[str, Any]], *, stick: bool = False) -> SafeString:
    """A line of facts (label, value); with `stick` it stays in sight."""
    return _component("facts", facts=facts, stick=stick)


@register.simple_tag
def ui_activity(entries: Sequence[Mapping[str, Any]]) -> SafeString:
    """What happened: entries of when (a moment), text, and maybe who."""
    return _component("activity", entries=entries)


@register.simple_block_tag
def ui_table(content: str, caption: str, *, tall: bool = False, hide: bool = False) -> SafeString:
    """A table that scrolls by itself and keeps its head in sight; the body is thead and tbody."""
    return _component("table", content=content, caption=caption, tall=tall, hide=hide)


@register.simple_block_tag
def ui_next(
    content: str,
    title: str,
    *,
    who: str = "",
    law: str = "",
    due: date | datetime | None = None,
    href: str = "",
    button: str = "",
) -> SafeString:
    """The Next step card: what, who, article, by when, one button (or a form in the body)."""
    return _component(
        "next", content=content, title=title, who=who, law=law, due=due, href=href, button=button
    )


@register.simple_block_tag
def ui_dialog(content: str, id: str, title: str, *, button: str = "") -> SafeString:
    """A dialog opened by its button, without a script."""
    return _component("dialog", content=content, id=id, title=title, button=button)


# Pictures ----------------------------------------------------------------------------------


@register.simple_block_tag
def ui_picture(content: str, src: str, *, alt: str, label: str = "") -> SafeString:
    """A picture that stays covered until somebody asks to see it (R13)."""
    return _component(
        "picture", content=content, src=src, alt=alt, label=label or _("Show picture")
    )


@register.simple_tag
def ui_stage(left: Mapping[str, str], right: Mapping[str, str]) -> SafeString:
    """Two pictures of equal size: each src, alt, caption, and maybe original (a second src)."""
    both = bool(left.get("original") or right.get("original"))
    return _component("stage", left=left, right=right, toggles=both)


@register.simple_tag
def ui_bar_chart(
    title: str, rows: Sequence[tuple[str, float]], *, unit: str = "", head: str = ""
) -> SafeString:
    """A bar chart with the same numbers as a table. The svg is drawn here, without styles."""
    top = max([value for _label, value in rows], default=0) or 1
    room = CHART_WIDTH - CHART_LABEL - 70
    bars = [
        {
            "label": label,
            "value": value,
            "y": index * (CHART_BAR + 10) + 6,
            "text_y": index * (CHART_BAR + 10) + 6 + CHART_BAR // 2 + 5,
            "width": round(room * value / top, 1),
            "value_x": round(CHART_LABEL + room * value / top + 8, 1),
        }
        for index, (label, value) in enumerate(rows)
    ]
    return _component(
        "chart",
        title=title,
        bars=bars,
        unit=unit,
        head=head or _("What"),
        width=CHART_WIDTH,
        left=CHART_LABEL,
        text_x=CHART_LABEL - 10,
        bar=CHART_BAR,
        height=len(bars) * (CHART_BAR + 10) + 12,
    )


# Frame -------------------------------------------------------------------------------------


@register.simple_tag
def ui_brand_href() -> str:
    """The address of the operator's colours; empty when there are none."""
    if not getattr(settings, "DSR_BRAND", None):
        return ""
    try:
        return reverse("brand_css")
    except NoReverseMatch:
        return ""


@register.simple_tag
def ui_url(name: str) -> str:
    """The address of a page that this site may not have; empty then."""
    try:
        return reverse(name)
    except NoReverseMatch:
        return ""


@register.simple_tag(takes_context=True)
def ui_languages(context: template.Context) -> list[dict[str, Any]]:
    """The languages to offer, each by its own name; empty when nothing could be chosen."""
    request: HttpRequest | None = context.get("request")
    path = request.get_full_path() if request else "/"
    current = translation.get_language()
    found = []
    for code, _name in settings.LANGUAGES:
        there = translate_url(path, code)
        found.append(
            {
                "code": code,
                "name": translation.get_language_info(code)["name_local"].capitalize(),
                "current": code == current,
                "href": there if there != path or code == current else "",
            }
        )
    others = [one for one in found if not one["current"]]
    can_change = bool(ui_url("set_language")) or any(one["href"] for one in others)
    return found if others and can_change else []
