"""Which buckets of a run have their new key: keys of a large run are made in several steps."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("vault", "0001_tables")]

    operations = [
        migrations.AddField(
            model_name="shredstep",
            name="keyed",
            field=models.BooleanField(default=False),
        ),
    ]
