"""When the words of a profile were changed; unknown of those that are older."""

from django.contrib.postgres.operations import AddIndexConcurrently
from django.db import migrations, models


class Migration(migrations.Migration):

    atomic = False

    dependencies = [
        ('users', '0007_shadow_limit'),
    ]

    operations = [
        migrations.AddField(
            model_name='profile',
            name='bio_changed_at',
            field=models.DateTimeField(blank=True, null=True),
        ),
        AddIndexConcurrently(
            model_name='profile',
            index=models.Index(
                condition=models.Q(('bio_changed_at__isnull', False)), fields=['bio_changed_at'], name='profile_bio_changed'
            ),
        ),
    ]
