from datetime import date, datetime

from django import template
from django.utils import formats, timezone, translation
from django.utils.html import conditional_escape, format_html, format_html_join
from django.utils.safestring import SafeString

register = template.Library()


@register.filter
def grouped(value: object) -> SafeString:
    """A hash, fingerprint or code in groups of four, for eyes and for reading out."""
    text = str(value)
    parts = " ".join(text[at : at + 4] for at in range(0, len(text), 4))
    return format_html('<span class="code">{}</span>', parts)


@register.filter
def paragraphs(value: object) -> SafeString:
    """Plain text as paragraphs, split at empty lines; what came from outside stays text (X-13)."""
    blocks = [block.strip() for block in str(value).replace("\r\n", "\n").split("\n\n")]
    lines = [[conditional_escape(line) for line in block.split("\n")] for block in blocks if block]
    return format_html_join("", "<p>{}</p>", ((SafeString("<br>".join(one)),) for one in lines))


@register.filter
def day(value: date | None) -> str:
    """A date as people here write it: 5 March 2026. Django's English writes Mar. 5, 2026."""
    if value is None:
        return ""
    if isinstance(value, datetime) and timezone.is_aware(value):
        value = timezone.localtime(value)
    english = (translation.get_language() or "").startswith("en")
    return formats.date_format(value, "j F Y" if english else "DATE_FORMAT")


@register.filter
def moment(value: datetime | None) -> str:
    """A date with its time and zone: 5 March 2026, 14:03 (CET)."""
    if value is None:
        return ""
    local = timezone.localtime(value)
    return f"{day(local)}, {local:%H:%M} ({local:%Z})"
