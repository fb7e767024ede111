"""Rules to begin with. One is live, since nobody wants to miss it; the others only note, until an editor is sure."""

from django.db import migrations

# name: about, severity (1 to 4), action, mode, expression
RULES = {
    'A banned member comes back': ('member', 3, 'open_case', 'live', 'banned_before > 0'),
    'A photo of a banned member': ('photo', 3, 'open_case', 'live', 'copies_on_banned > 0'),
    'The same photo on several members': ('photo', 2, 'open_case', 'shadow', 'copies_on_others >= 2'),
    'A nude photo': ('photo', 3, 'hide_photo', 'shadow', 'nudity >= 80'),
    'A photo without a face': ('photo', 1, 'open_case', 'off', 'faces == 0'),
    'Scam in the first messages': ('message', 2, 'open_case', 'shadow', 'scam >= 60 && number <= 5'),
    'The same words to many': (
        'message', 2, 'open_case', 'shadow',
        'same_elsewhere >= 5 && (links > 0 || contacts > 0 || leaves > 0 || money > 0)',
    ),
    'Harassment': ('message', 3, 'open_case', 'shadow', 'harm >= 80'),
    'Toxic English, by the model': ('message', 2, 'open_case', 'off', 'toxicity >= 90 && language == "en"'),
    'Advertising in a profile': ('profile', 2, 'open_case', 'shadow', 'links > 0 || contacts > 0 || scam >= 60'),
    'Ask before hurting': ('message', 2, 'ask', 'live', 'harm >= 60'),
    'Blur what hurts': ('message', 2, 'blur', 'live', 'harm >= 60'),
}


def write(apps, schema_editor):
    Rule = apps.get_model('moderation', 'Rule')
    RuleVersion = apps.get_model('moderation', 'RuleVersion')
    for name, (about, severity, action, mode, expression) in RULES.items():
        wording = {
            'about': about, 'severity': severity, 'action': action, 'mode': mode, 'expression': expression,
        }
        rule, is_new = Rule.objects.get_or_create(name=name, defaults={**wording, 'version': 1})
        if is_new:
            RuleVersion.objects.create(rule=rule, number=1, reason='came with MeetsMatch', **wording)


class Migration(migrations.Migration):

    dependencies = [
        ('moderation', '0009_rule_roles'),
    ]

    operations = [
        migrations.RunPython(write, migrations.RunPython.noop),
    ]
