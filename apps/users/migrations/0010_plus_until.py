from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('users', '0009_profile_versions'),
    ]

    operations = [
        migrations.AddField(
            model_name='user',
            name='plus_until',
            field=models.DateTimeField(blank=True, help_text='Follows from their purchases.', null=True),
        ),
    ]
