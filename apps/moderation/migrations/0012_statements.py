"""What each reason is called in the DSA Transparency Database, and who exports the statements."""

from django.db import migrations, models

# The first reasons, by letter; editors change them in the admin afterwards.
CALLED = {
    'f': ('STATEMENT_CATEGORY_SCAMS_AND_FRAUD', 'KEYWORD_INAUTHENTIC_ACCOUNTS'),
    'm': ('STATEMENT_CATEGORY_PROTECTION_OF_MINORS', 'KEYWORD_AGE_SPECIFIC_RESTRICTIONS_MINORS'),
    'h': ('STATEMENT_CATEGORY_CYBER_VIOLENCE', 'KEYWORD_CYBER_HARASSMENT'),
    't': ('STATEMENT_CATEGORY_ILLEGAL_OR_HARMFUL_SPEECH', 'KEYWORD_INCITEMENT_VIOLENCE_HATRED'),
    's': ('STATEMENT_CATEGORY_SCAMS_AND_FRAUD', 'KEYWORD_OTHER'),
    'a': ('STATEMENT_CATEGORY_OTHER_VIOLATION_TC', 'KEYWORD_GOODS_SERVICES_NOT_PERMITTED'),
    'i': ('STATEMENT_CATEGORY_OTHER_VIOLATION_TC', 'KEYWORD_NUDITY'),
}
NAME = 'Can export statements of reasons'


def call(apps, schema_editor):
    templates = apps.get_model('moderation', 'ReasonTemplate').objects
    for letter, (category, keyword) in CALLED.items():
        templates.filter(letter=letter).update(category=category, keyword=keyword)


def grant(apps, schema_editor):
    content_type, _ = apps.get_model('contenttypes', 'ContentType').objects.get_or_create(
        app_label='moderation', model='decision'
    )
    permission, _ = apps.get_model('auth', 'Permission').objects.get_or_create(
        content_type=content_type, codename='export_statements', defaults={'name': NAME}
    )
    for group in apps.get_model('auth', 'Group').objects.filter(name='Senior moderator'):
        group.permissions.add(permission)


class Migration(migrations.Migration):

    dependencies = [
        ('moderation', '0011_dashboard'),
    ]

    operations = [
        migrations.AlterModelOptions(
            name='decision',
            options={'permissions': [('undo_decision', 'Can undo decisions of others'), ('approve_decision', 'Can approve and refuse held decisions'), ('export_statements', 'Can export statements of reasons')], 'verbose_name': 'decision', 'verbose_name_plural': 'decisions'},
        ),
        migrations.AddField(
            model_name='reasontemplate',
            name='category',
            field=models.CharField(choices=[('STATEMENT_CATEGORY_CYBER_VIOLENCE', 'Cyber violence'), ('STATEMENT_CATEGORY_CYBER_VIOLENCE_AGAINST_WOMEN', 'Cyber violence against women'), ('STATEMENT_CATEGORY_DATA_PROTECTION_AND_PRIVACY_VIOLATIONS', 'Data protection and privacy violations'), ('STATEMENT_CATEGORY_ILLEGAL_OR_HARMFUL_SPEECH', 'Illegal or harmful speech'), ('STATEMENT_CATEGORY_PROTECTION_OF_MINORS', 'Protection of minors'), ('STATEMENT_CATEGORY_RISK_FOR_PUBLIC_SECURITY', 'Risk for public security'), ('STATEMENT_CATEGORY_SCAMS_AND_FRAUD', 'Scams and fraud'), ('STATEMENT_CATEGORY_SELF_HARM', 'Self-harm'), ('STATEMENT_CATEGORY_VIOLENCE', 'Violence'), ('STATEMENT_CATEGORY_OTHER_VIOLATION_TC', 'Another violation of the terms')], default='STATEMENT_CATEGORY_OTHER_VIOLATION_TC', help_text='Under which statements of this reason stand in the DSA Transparency Database.', max_length=80),
        ),
        migrations.AddField(
            model_name='reasontemplate',
            name='keyword',
            field=models.CharField(blank=True, choices=[('KEYWORD_ADULT_SEXUAL_MATERIAL', 'Adult sexual material'), ('KEYWORD_AGE_SPECIFIC_RESTRICTIONS_MINORS', 'Age limits that protect minors'), ('KEYWORD_CYBER_BULLYING_INTIMIDATION', 'Bullying and intimidation'), ('KEYWORD_CYBER_HARASSMENT', 'Harassment'), ('KEYWORD_CYBER_STALKING', 'Stalking'), ('KEYWORD_GOODS_SERVICES_NOT_PERMITTED', 'Goods and services that may not be offered here'), ('KEYWORD_HATE_SPEECH', 'Hate speech'), ('KEYWORD_HIDDEN_ADVERTISEMENT', 'Hidden advertising'), ('KEYWORD_IMPERSONATION_ACCOUNT_HIJACKING', 'Impersonation'), ('KEYWORD_INAUTHENTIC_ACCOUNTS', 'Inauthentic accounts'), ('KEYWORD_INCITEMENT_VIOLENCE_HATRED', 'Calls to violence or hatred'), ('KEYWORD_NON_CONSENSUAL_IMAGE_SHARING', 'Intimate images without consent'), ('KEYWORD_NUDITY', 'Nudity'), ('KEYWORD_PHISHING', 'Phishing'), ('KEYWORD_OTHER', 'Something else')], help_text='Says more, if you like.', max_length=80),
        ),
        migrations.RunPython(call, migrations.RunPython.noop),
        migrations.RunPython(grant, migrations.RunPython.noop),
    ]
