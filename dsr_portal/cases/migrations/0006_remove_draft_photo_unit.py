from django.db import migrations


class Migration(migrations.Migration):
    dependencies = [
        ("cases", "0005_draft_photos"),
    ]

    operations = [
        migrations.RemoveField(
            model_name="draft",
            name="photo_unit",
        ),
    ]
