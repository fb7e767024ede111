"""The words of a decision may be encrypted anew, by whoever says that this is what they do; all else stays forbidden."""

from django.db import migrations

FUNCTION = """
CREATE OR REPLACE FUNCTION moderation_decision_is_immutable() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    {exception}
    RAISE EXCEPTION 'decisions are never changed or deleted' USING ERRCODE = 'integrity_constraint_violation';
END $$;
"""
REENCRYPTED = """
    IF TG_OP = 'UPDATE' AND current_setting('meetsmatch.reencrypts', true) = 'on'
        AND to_jsonb(NEW) - 'words' = to_jsonb(OLD) - 'words' AND (NEW.words = '') = (OLD.words = '')
    THEN
        RETURN NEW;
    END IF;
"""


class Migration(migrations.Migration):

    dependencies = [
        ('moderation', '0015_no_double_indexes'),
    ]

    operations = [
        migrations.RunSQL(FUNCTION.format(exception=REENCRYPTED), reverse_sql=FUNCTION.format(exception='')),
    ]
