"""Who asks a person twice needs another person and a new fact; what was asked is numbered."""

from typing import Any

import django.db.models.deletion
from django.db import migrations, models

import dsr_portal.core.ids

BEFORE_THE_RULE = "-"
"""Stands for the second person of asks that were sent when none was needed."""


def number_asks(apps: Any, editor: Any) -> None:
    ask = apps.get_model("cases", "Ask")
    for case_id in ask.objects.order_by().values_list("case_id", flat=True).distinct():
        asks = ask.objects.filter(case_id=case_id).order_by("at")
        for number, row in enumerate(asks, 1):
            if number > 1:
                row.number, row.agreed_by = number, BEFORE_THE_RULE
                row.save(update_fields=["number", "agreed_by"])


def name_facts(apps: Any, editor: Any) -> None:
    ask, fact = apps.get_model("cases", "Ask"), apps.get_model("cases", "AskedFact")
    for row in ask.objects.order_by("at"):
        for name in row.missing:
            fact.objects.get_or_create(case_id=row.case_id, fact=name, defaults={"ask_id": row.id})


class Migration(migrations.Migration):
    dependencies = [("cases", "0001_tables")]

    operations = [
        migrations.CreateModel(
            name="AskedFact",
            fields=[
                (
                    "id",
                    models.UUIDField(
                        default=dsr_portal.core.ids.new_id,
                        editable=False,
                        primary_key=True,
                        serialize=False,
                    ),
                ),
                (
                    "fact",
                    models.CharField(
                        choices=[
                            ("nothing_to_look_up", "Nothing we can look for was given"),
                            ("no_way_taken", "No way to show who is asking was taken yet"),
                            ("way_did_not_show", "The way that was taken did not show it"),
                            ("named_not_linked", "What was named is not linked to who is asking"),
                            (
                                "which_meant",
                                "There is very much, and which of it is meant is not clear",
                            ),
                        ],
                        max_length=24,
                    ),
                ),
                (
                    "ask",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="facts",
                        to="cases.ask",
                    ),
                ),
                (
                    "case",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="asked_facts",
                        to="cases.case",
                    ),
                ),
            ],
            options={
                "constraints": [
                    models.UniqueConstraint(fields=("case", "fact"), name="asked_fact_once")
                ],
            },
        ),
        migrations.AddField(
            model_name="ask",
            name="agreed_by",
            field=models.CharField(blank=True, max_length=20),
        ),
        migrations.AddField(
            model_name="ask",
            name="number",
            field=models.PositiveSmallIntegerField(default=1),
        ),
        migrations.AddField(
            model_name="message",
            name="demands",
            field=models.BooleanField(default=False),
        ),
        migrations.AlterField(
            model_name="proposal",
            name="kind",
            field=models.CharField(
                choices=[
                    ("pause", "Stop the clock for a question that was asked late"),
                    ("extension", "Take longer than a month"),
                    ("withhold", "Hold one picture back from the answer"),
                    ("exempt", "Keep one picture although erasure was asked"),
                    ("refuse", "Refuse the request as abusive"),
                    ("no_request", "Set a mail aside that asks for nothing"),
                    ("ask_again", "Ask the person once more"),
                ],
                max_length=16,
            ),
        ),
        migrations.RunPython(number_asks, migrations.RunPython.noop),
        migrations.AddConstraint(
            model_name="ask",
            constraint=models.UniqueConstraint(fields=("case", "number"), name="ask_number_once"),
        ),
        migrations.AddConstraint(
            model_name="ask",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    ("number", 1),
                    models.Q(("number__gt", 1), models.Q(("agreed_by", ""), _negated=True)),
                    _connector="OR",
                ),
                name="ask_again_agreed_to",
            ),
        ),
        migrations.AddConstraint(
            model_name="ask",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    ("agreed_by", ""),
                    models.Q(("agreed_by", models.F("officer")), _negated=True),
                    _connector="OR",
                ),
                name="ask_agreed_by_another",
            ),
        ),
        migrations.RunPython(name_facts, migrations.RunPython.noop),
    ]
