"""What the bot says of itself, and what each person's client shows of it."""

COMMANDS = [{"command": "browse", "description": "Look around"}]
SPANISH = [{"command": "browse", "description": "Explorar"}]


def test_it_introduces_itself(api):
    me = api("getMe")
    assert (me["id"], me["is_bot"]) == (1000000001, True)


def test_it_shows_commands_in_each_persons_language(api, ana, boris, client):
    api("setMyCommands", commands=COMMANDS)
    api("setMyCommands", commands=SPANISH, language_code="es", scope={"type": "all_private_chats"})
    shown = [client.get(f"/simulator/api/chats/{chat}").json()["bot"]["commands"] for chat in (501, 502)]
    assert shown == [SPANISH, COMMANDS]
    assert api("getMyCommands") == COMMANDS
    assert api("deleteMyCommands")
    assert api("getMyCommands") == []


def test_it_refuses_bad_commands(api):
    assert api.refusal("setMyCommands", commands=[{"command": "Not ok", "description": "x"}]).startswith("400")


def test_it_shows_name_and_description_in_each_persons_language(api, ana, boris, client):
    api("setMyName", name="Cupid")
    api("setMyDescription", description="Hello")
    api("setMyDescription", description="Hola", language_code="es")
    api("setMyShortDescription", short_description="Short")
    api("setChatMenuButton", menu_button={"type": "commands"})
    bots = [client.get(f"/simulator/api/chats/{chat}").json()["bot"] for chat in (501, 502)]
    assert [(bot["name"], bot["description"]) for bot in bots] == [("Cupid", "Hola"), ("Cupid", "Hello")]
