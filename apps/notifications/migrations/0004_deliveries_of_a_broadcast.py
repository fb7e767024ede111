from django.contrib.postgres.operations import AddIndexConcurrently
from django.db import migrations, models


class Migration(migrations.Migration):

    atomic = False
    dependencies = [
        ('notifications', '0003_broadcasts'),
    ]

    operations = [
        AddIndexConcurrently(
            model_name='delivery',
            index=models.Index(condition=models.Q(('broadcast__isnull', False)), fields=['broadcast', 'status'], name='delivery_of_broadcast'),
        ),
    ]
