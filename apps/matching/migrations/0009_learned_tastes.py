import uuid

import django.utils.timezone
from django.contrib.postgres.indexes import BrinIndex
from django.contrib.postgres.operations import AddIndexConcurrently
from django.db import migrations, models
from django.db.models.functions import Length
from django.db.models.lookups import Exact


def let_product_managers(apps, schema_editor):
    """See what became of each night's fit."""
    ContentType = apps.get_model("contenttypes", "ContentType")
    Permission = apps.get_model("auth", "Permission")
    managers = apps.get_model("auth", "Group").objects.get(name="Product manager")
    content_type, _ = ContentType.objects.get_or_create(app_label="matching", model="tastefit")
    permission, _ = Permission.objects.get_or_create(
        content_type=content_type, codename="view_tastefit", defaults={"name": "Can view fit of tastes"}
    )
    managers.permissions.add(permission)


class Migration(migrations.Migration):
    atomic = False

    dependencies = [
        ("matching", "0008_limits_in_the_index"),
    ]

    operations = [
        migrations.CreateModel(
            name="TasteFit",
            fields=[
                ("id", models.UUIDField(default=uuid.uuid4, editable=False, primary_key=True, serialize=False)),
                (
                    "until",
                    models.DateField(
                        help_text="Swipes before this day were learned from, later ones judged.", unique=True
                    ),
                ),
                ("is_kept", models.BooleanField(help_text="Members have these tastes since.")),
                ("figures", models.JSONField(help_text="Its figures and those of the one before, on the same swipes.")),
                ("why", models.CharField(help_text="Why it was kept or not.", max_length=500)),
                ("fitted_at", models.DateTimeField(default=django.utils.timezone.now)),
            ],
            options={
                "verbose_name": "fit of tastes",
                "verbose_name_plural": "fits of tastes",
            },
        ),
        migrations.AddField(
            model_name="standing",
            name="tastes",
            field=models.BinaryField(
                blank=True,
                help_text="What they look for and what they are, as numbers (learning.factors).",
                null=True,
            ),
        ),
        migrations.AddConstraint(
            model_name="standing",
            constraint=models.CheckConstraint(
                condition=Exact(Length("tastes"), 16), name="standing_tastes_are_whole"
            ),
        ),
        AddIndexConcurrently(
            model_name="swipe",
            index=BrinIndex(autosummarize=True, fields=["created_at"], name="swipe_by_age"),
        ),
        migrations.RunPython(let_product_managers, migrations.RunPython.noop),
    ]
