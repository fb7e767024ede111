from django.urls import path

from apps.simulator.views import bot_api, browser

app_name = "simulator"
urlpatterns = [
    path("", browser.page, name="page"),
    path("api/personas", browser.persona_list, name="personas"),
    path("api/events", browser.events, name="events"),
    path("api/chats/<int:chat_id>", browser.chat, name="chat"),
    path("api/chats/<int:chat_id>/<slug:name>", browser.act, name="act"),
    path("api/files/<str:unique_id>", browser.stored_file, name="file"),
    path("api/avatars/<int:persona_id>", browser.avatar, name="avatar"),
    path("api/stickers/<slug:name>", browser.sticker, name="sticker"),
    path("file/bot<str:token>/<path:file_path>", bot_api.bot_file, name="bot-file"),
    path("bot<str:token>/<str:method>", bot_api.api_call, name="bot-api"),
]
