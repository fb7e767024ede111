"""The rules that the terms state, and ready words for breaking them. Editors change them in the admin afterwards."""

from django.db import migrations

# key: clause, {language: (title, text)}
POLICIES = {
    'adults': ('1', {
        'en': ('Adults, as they are', 'Members are 18 or older, and a profile is about the person who made it.'),
        'es': ('Personas adultas, tal como son', 'Los miembros tienen 18 años o más, y un perfil trata de la persona que lo creó.'),
        'ru': ('Взрослые, какие они есть', 'Участникам не меньше 18 лет, и анкета рассказывает о том, кто её создал.'),
    }),
    'kindness': ('2', {
        'en': ('Be kind', 'No harassment, no hate, no threats.'),
        'es': ('Sé amable', 'Sin acoso, sin odio, sin amenazas.'),
        'ru': ('Будьте доброжелательны', 'Никаких домогательств, ненависти и угроз.'),
    }),
    'no-business': ('3', {
        'en': ('No business', 'No advertising, no scams, no asking for money.'),
        'es': ('Sin negocios', 'Sin publicidad, sin estafas, sin pedir dinero.'),
        'ru': ('Никакой торговли', 'Никакой рекламы, мошенничества и просьб о деньгах.'),
    }),
    'decency': ('4', {
        'en': ('Decent photos', 'No nudity in photos.'),
        'es': ('Fotos decentes', 'Sin desnudez en las fotos.'),
        'ru': ('Пристойные фотографии', 'Никакой наготы на фотографиях.'),
    }),
}
# letter: name, policy, {language: text}
TEMPLATES = {
    'f': ('Fake profile', 'adults', {
        'en': 'Photos or details of the profile are not of the person who uses it.',
        'es': 'Las fotos o los datos del perfil no son de la persona que lo usa.',
        'ru': 'Фотографии или данные анкеты не принадлежат тому, кто ею пользуется.',
    }),
    'm': ('Minor', 'adults', {
        'en': 'What was shown or written tells that the member is under 18.',
        'es': 'Lo mostrado o escrito indica que la persona es menor de 18 años.',
        'ru': 'Показанное или написанное говорит о том, что участнику нет 18 лет.',
    }),
    'h': ('Harassment', 'kindness', {
        'en': 'Messages went on against the other person’s wish, or were meant to hurt.',
        'es': 'Los mensajes continuaron contra la voluntad de la otra persona o buscaban herir.',
        'ru': 'Сообщения продолжались против воли собеседника или были написаны, чтобы обидеть.',
    }),
    't': ('Threat or hate', 'kindness', {
        'en': 'Words that threaten, or that demean people for what they are.',
        'es': 'Palabras que amenazan o que denigran a personas por lo que son.',
        'ru': 'Слова, которые угрожают или унижают людей за то, кто они есть.',
    }),
    's': ('Scam or asking for money', 'no-business', {
        'en': 'Another member was asked for money, or led towards paying or investing.',
        'es': 'Se pidió dinero a otro miembro o se le llevó a pagar o invertir.',
        'ru': 'У другого участника просили деньги или склоняли его платить или вкладывать.',
    }),
    'a': ('Advertising', 'no-business', {
        'en': 'Profile or messages advertise goods, services, channels or other profiles.',
        'es': 'El perfil o los mensajes anuncian productos, servicios, canales u otros perfiles.',
        'ru': 'Анкета или сообщения рекламируют товары, услуги, каналы или другие анкеты.',
    }),
    'i': ('Indecent photo', 'decency', {
        'en': 'A photo shows nudity or sexual acts.',
        'es': 'Una foto muestra desnudez o actos sexuales.',
        'ru': 'На фотографии нагота или действия сексуального характера.',
    }),
}


def write(apps, schema_editor):
    models = {name: apps.get_model('moderation', name) for name in ('Policy', 'PolicyText', 'ReasonTemplate', 'ReasonText')}
    policies = {}
    for key, (clause, texts) in POLICIES.items():
        policies[key], is_new = models['Policy'].objects.get_or_create(key=key, defaults={'clause': clause})
        for language, (title, text) in texts.items() if is_new else ():
            models['PolicyText'].objects.create(policy=policies[key], language=language, title=title, text=text)
    for letter, (name, policy, texts) in TEMPLATES.items():
        template, is_new = models['ReasonTemplate'].objects.get_or_create(
            letter=letter, defaults={'name': name, 'policy': policies[policy]}
        )
        for language, text in texts.items() if is_new else ():
            models['ReasonText'].objects.create(template=template, language=language, text=text)


class Migration(migrations.Migration):

    dependencies = [
        ('moderation', '0005_roles'),
    ]

    operations = [
        migrations.RunPython(write, migrations.RunPython.noop),
    ]
