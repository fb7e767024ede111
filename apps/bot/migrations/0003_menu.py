from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('bot', '0002_synthetic_run'),
    ]

    operations = [
        migrations.AddField(
            model_name='dialogue',
            name='menu',
            field=models.CharField(blank=True, help_text='Language of the commands of their own chat; empty: it has the usual ones.', max_length=2),
        ),
    ]
