"""A message does not write to its conversation any more: the admin's list looks for the newest one.

The column itself stays for the version before, which reads it; the version after this one drops it.
"""

import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models

DROP_TRIGGER = """
DROP TRIGGER conversations_last_message ON conversations_message;
DROP FUNCTION conversations_note_time;
"""

TRIGGER = """
UPDATE conversations_conversation AS conversation SET last_message_at = (
    SELECT max(created_at) FROM conversations_message AS message
    WHERE message.conversation_id = conversation.id AND message.delivery_id IS NOT NULL
);

CREATE FUNCTION conversations_note_time() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    UPDATE conversations_conversation SET last_message_at = NEW.created_at WHERE id = NEW.conversation_id;
    RETURN NULL;
END
$$;

CREATE TRIGGER conversations_last_message AFTER INSERT ON conversations_message
FOR EACH ROW WHEN (NEW.delivery_id IS NOT NULL) EXECUTE FUNCTION conversations_note_time();
"""


class Migration(migrations.Migration):

    dependencies = [
        ('conversations', '0005_last_message'),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.RunSQL(DROP_TRIGGER, TRIGGER),
        migrations.SeparateDatabaseAndState(
            state_operations=[migrations.RemoveField(model_name='conversation', name='last_message_at')],
        ),
        migrations.AlterField(
            model_name='contactconsent',
            name='conversation',
            field=models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.CASCADE, related_name='consents', to='conversations.conversation'),
        ),
        migrations.AlterField(
            model_name='message',
            name='conversation',
            field=models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.CASCADE, related_name='messages', to='conversations.conversation'),
        ),
        migrations.AlterField(
            model_name='message',
            name='sender',
            field=models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.CASCADE, related_name='messages_sent', to=settings.AUTH_USER_MODEL),
        ),
        migrations.AlterField(
            model_name='unsentmessage',
            name='sender',
            field=models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.CASCADE, related_name='+', to=settings.AUTH_USER_MODEL),
        ),
    ]
