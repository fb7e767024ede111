import django.contrib.postgres.fields
from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('flags', '0006_roles'),
    ]

    operations = [
        migrations.AlterField(
            model_name='experiment',
            name='also_watched',
            field=django.contrib.postgres.fields.ArrayField(base_field=models.CharField(choices=[('like', 'liked somebody'), ('match', 'got a match'), ('first_reply', 'had a first message answered'), ('ten_messages', 'had a conversation of ten messages'), ('purchase', 'bought Plus'), ('report', 'reported somebody'), ('block', 'blocked somebody'), ('deletion', 'deleted their profile')], max_length=20), blank=True, default=list, size=None),
        ),
        migrations.AlterField(
            model_name='experiment',
            name='metric',
            field=models.CharField(choices=[('like', 'liked somebody'), ('match', 'got a match'), ('first_reply', 'had a first message answered'), ('ten_messages', 'had a conversation of ten messages'), ('purchase', 'bought Plus'), ('report', 'reported somebody'), ('block', 'blocked somebody'), ('deletion', 'deleted their profile')], help_text='The one that decides.', max_length=20),
        ),
        migrations.AlterField(
            model_name='outcome',
            name='metric',
            field=models.CharField(choices=[('like', 'liked somebody'), ('match', 'got a match'), ('first_reply', 'had a first message answered'), ('ten_messages', 'had a conversation of ten messages'), ('purchase', 'bought Plus'), ('report', 'reported somebody'), ('block', 'blocked somebody'), ('deletion', 'deleted their profile')], max_length=20),
        ),
    ]
