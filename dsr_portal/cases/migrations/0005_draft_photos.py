import django.db.models.deletion
from django.db import migrations, models

import dsr_portal.core.ids


def keep_the_photo(apps, schema_editor):
    """The one photo of a draft becomes its first."""
    draft_photo = apps.get_model("cases", "DraftPhoto")
    for draft in apps.get_model("cases", "Draft").objects.exclude(photo_unit=None):
        draft_photo.objects.create(draft=draft, unit=draft.photo_unit)


def keep_the_first(apps, schema_editor):
    """Back: the first photo is the draft's one; drafts with more of them end within a day."""
    for draft in apps.get_model("cases", "Draft").objects.all():
        first = draft.photos.order_by("id").first()
        draft.photo_unit = first.unit if first else None
        draft.save(update_fields=["photo_unit"])


class Migration(migrations.Migration):
    dependencies = [
        ("cases", "0004_withdrawal_and_asks"),
    ]

    operations = [
        migrations.CreateModel(
            name="DraftPhoto",
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
                ("unit", models.UUIDField()),
                (
                    "draft",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="photos",
                        to="cases.draft",
                    ),
                ),
            ],
            options={
                "abstract": False,
            },
        ),
        migrations.RunPython(keep_the_photo, keep_the_first),
    ]
