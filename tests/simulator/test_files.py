"""Files that a bot downloads."""

from django.core.files.uploadedfile import SimpleUploadedFile

from apps.simulator.models import StoredFile


def test_it_serves_the_bytes_of_a_file(api, ana, client):
    sent = api("sendDocument", chat_id=501, document=SimpleUploadedFile("notes.txt", b"Hello", "text/plain"))
    path = api("getFile", file_id=sent["document"]["file_id"])["file_path"]
    assert path.startswith("documents/")
    response = client.get(f"/simulator/file/bot{api.token}/{path}")
    assert b"".join(response.streaming_content) == b"Hello"


def test_it_refuses_big_files_and_unknown_ones(api, ana, client):
    sent = api("sendVoice", chat_id=501, voice=SimpleUploadedFile("v.ogg", b"bytes"))
    StoredFile.objects.update(size=20 * 2**20 + 1)
    assert api.refusal("getFile", file_id=sent["voice"]["file_id"]) == "400 Bad Request: file is too big"
    assert api.refusal("getFile", file_id="none") == "400 Bad Request: invalid file_id"
    assert client.get(f"/simulator/file/bot{api.token}/voice/none.ogg").status_code == 404
    assert client.get("/simulator/file/bot1:x/voice/none.ogg").status_code == 401


def test_it_refuses_empty_files(api, ana):
    assert api.refusal("sendVoice", chat_id=501, voice="") == "400 Bad Request: there is no voice in the request"
    empty = SimpleUploadedFile("v.ogg", b"")
    assert api.refusal("sendVoice", chat_id=501, voice=empty) == "400 Bad Request: file must be non-empty"
