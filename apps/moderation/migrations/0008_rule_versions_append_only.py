"""What a rule was stays written down, like decisions: not even a query by hand changes or deletes a version."""

from django.db import migrations

PROTECT = """
CREATE FUNCTION moderation_ruleversion_is_immutable() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'versions of rules are never changed or deleted' USING ERRCODE = 'integrity_constraint_violation';
END $$;
CREATE TRIGGER moderation_ruleversion_is_immutable BEFORE UPDATE OR DELETE ON moderation_ruleversion
    FOR EACH ROW EXECUTE FUNCTION moderation_ruleversion_is_immutable();
"""
UNPROTECT = """
DROP TRIGGER moderation_ruleversion_is_immutable ON moderation_ruleversion;
DROP FUNCTION moderation_ruleversion_is_immutable();
"""


class Migration(migrations.Migration):

    dependencies = [
        ('moderation', '0007_rules'),
    ]

    operations = [
        migrations.RunSQL(PROTECT, reverse_sql=UNPROTECT),
    ]
