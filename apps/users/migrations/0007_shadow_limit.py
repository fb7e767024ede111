from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('auth', '0012_alter_user_first_name_max_length'),
        ('users', '0006_verified_and_staff_settings'),
    ]

    operations = [
        migrations.AddField(
            model_name='user',
            name='shadowed_until',
            field=models.DateTimeField(blank=True, help_text='Reaches nobody and is shown to nobody until then, without being told.', null=True),
        ),
        migrations.AddIndex(
            model_name='user',
            index=models.Index(condition=models.Q(('shadowed_until__isnull', False)), fields=['shadowed_until'], name='user_shadowed'),
        ),
    ]
