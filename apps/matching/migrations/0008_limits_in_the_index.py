from django.contrib.postgres.operations import AddIndexConcurrently, RemoveIndexConcurrently
from django.db import migrations, models


class Migration(migrations.Migration):
    atomic = False

    dependencies = [
        ("matching", "0007_decks"),
    ]

    operations = [
        AddIndexConcurrently(
            model_name="candidate",
            index=models.Index(
                condition=models.Q(("listed", True)),
                fields=["region", "gender", "decade", "-active_hour"],
                include=("packed", "seeks", "born", "age_min", "age_max", "max_km"),
                name="candidate_by_region_and_km",
            ),
        ),
        RemoveIndexConcurrently(model_name="candidate", name="candidate_by_region"),
    ]
