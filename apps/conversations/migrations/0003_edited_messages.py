"""For whoever looks at messages that were changed; few are."""

from django.contrib.postgres.operations import AddIndexConcurrently
from django.db import migrations, models


class Migration(migrations.Migration):

    atomic = False

    dependencies = [
        ('conversations', '0002_initial'),
    ]

    operations = [
        AddIndexConcurrently(
            model_name='message',
            index=models.Index(condition=models.Q(('edited_at__isnull', False)), fields=['edited_at'], name='message_edited'),
        ),
    ]
