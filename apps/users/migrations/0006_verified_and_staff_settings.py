"""Who is verified, and what each of the staff has chosen for themselves."""

import django.db.models.deletion
import django.db.models.functions.text
from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('users', '0005_expiring_restrictions'),
    ]

    operations = [
        migrations.CreateModel(
            name='StaffSettings',
            fields=[
                ('user', models.OneToOneField(on_delete=django.db.models.deletion.CASCADE, primary_key=True, related_name='staff_settings', serialize=False, to=settings.AUTH_USER_MODEL)),
                ('pseudonym', models.CharField(help_text='Members read it in place of your name.', max_length=30)),
                ('blur', models.BooleanField(default=True, help_text='Photos are blurred until you ask for them.')),
                ('grey', models.BooleanField(default=True, help_text='Photos are grey until you ask for them.')),
                ('mute', models.BooleanField(default=True, help_text='Videos start without sound.')),
            ],
            options={
                'verbose_name': 'staff settings',
                'verbose_name_plural': 'staff settings',
                'constraints': [
                    models.UniqueConstraint(django.db.models.functions.text.Lower('pseudonym'), name='staff_pseudonym_once')
                ],
            },
        ),
        migrations.AddField(
            model_name='profile',
            name='verified_photo',
            field=models.UUIDField(blank=True, help_text='The photo that was compared.', null=True),
        ),
        migrations.AddField(
            model_name='profile',
            name='verified_until',
            field=models.DateTimeField(blank=True, help_text='A moderator compared the first photo with a selfie.', null=True),
        ),
        migrations.AddConstraint(
            model_name='profile',
            constraint=models.CheckConstraint(condition=models.Q(models.Q(('verified_photo', None), ('verified_until', None)), models.Q(('verified_photo__isnull', False), ('verified_until__isnull', False)), _connector='OR'), name='profile_verified_by_a_photo'),
        ),
    ]
