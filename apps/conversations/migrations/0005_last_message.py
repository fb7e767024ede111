"""Messages themselves note their time in their conversation: one statement less for each."""

from django.db import migrations

TRIGGER = """
CREATE FUNCTION conversations_note_time() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    UPDATE conversations_conversation SET last_message_at = NEW.created_at WHERE id = NEW.conversation_id;
    RETURN NULL;
END
$$;

CREATE TRIGGER conversations_last_message AFTER INSERT ON conversations_message
FOR EACH ROW WHEN (NEW.delivery_id IS NOT NULL) EXECUTE FUNCTION conversations_note_time();
"""

DROP = """
DROP TRIGGER conversations_last_message ON conversations_message;
DROP FUNCTION conversations_note_time;
"""


class Migration(migrations.Migration):
    dependencies = [
        ('conversations', '0004_unsent_messages'),
    ]

    operations = [
        migrations.RunSQL(TRIGGER, DROP),
    ]
