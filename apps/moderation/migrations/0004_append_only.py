"""What has been decided stays written down: not even a query by hand changes or deletes an entry of the log."""

from django.db import migrations

PROTECT = """
CREATE FUNCTION moderation_decision_is_immutable() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'decisions are never changed or deleted' USING ERRCODE = 'integrity_constraint_violation';
END $$;
CREATE TRIGGER moderation_decision_is_immutable BEFORE UPDATE OR DELETE ON moderation_decision
    FOR EACH ROW EXECUTE FUNCTION moderation_decision_is_immutable();
"""
UNPROTECT = """
DROP TRIGGER moderation_decision_is_immutable ON moderation_decision;
DROP FUNCTION moderation_decision_is_immutable();
"""


class Migration(migrations.Migration):

    dependencies = [
        ('moderation', '0003_workbench'),
    ]

    operations = [
        migrations.RunSQL(PROTECT, reverse_sql=UNPROTECT),
    ]
