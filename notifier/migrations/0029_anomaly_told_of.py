"""Who is told that an anomaly has ended is who was told that it began."""

from typing import Any

from django.db import migrations, models
from django.utils import timezone


def tell_of_what_was_told(apps: Any, _editor: Any) -> None:
    for one in apps.get_model("notifier", "Anomaly").objects.filter(told_at__isnull=False):
        one.told_of = [one.template_id] if one.template_id else list(one.templates)
        one.save(update_fields=["told_of"])


class Migration(migrations.Migration):
    dependencies = [
        ("notifier", "0028_anomaly_endings_and_samples"),
    ]

    operations = [
        # Backwards the column comes back with a value.
        migrations.AlterField(
            model_name="anomaly",
            name="checked_at",
            field=models.DateTimeField(default=timezone.now),
        ),
        migrations.RemoveField(model_name="anomaly", name="checked_at"),
        migrations.AddField(
            model_name="anomaly",
            name="told_of",
            field=models.JSONField(default=list),
        ),
        migrations.AddField(
            model_name="anomaly",
            name="unjudged_in_a_row",
            field=models.PositiveIntegerField(default=0),
        ),
        migrations.RunPython(tell_of_what_was_told, migrations.RunPython.noop),
    ]
