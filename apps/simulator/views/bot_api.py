"""The Bot API over HTTP, as a bot sees it."""

import json
from hmac import compare_digest

from django.conf import settings
from django.core.exceptions import RequestDataTooBig
from django.http import FileResponse, HttpRequest, HttpResponse, HttpResponseBase, JsonResponse
from django.views.decorators.csrf import csrf_exempt

from apps.simulator import files, methods
from apps.simulator.errors import ApiError, bad_request
from apps.simulator.models import StoredFile
from apps.simulator.schemas import JsonObject


def _check_token(token: str) -> None:
    if not compare_digest(token.encode(), settings.SIMULATOR_BOT_TOKEN.encode()):
        raise ApiError(401, "Unauthorized")


@csrf_exempt
def api_call(request: HttpRequest, token: str, method: str) -> HttpResponse:
    """Any method, by GET or POST; parameters from the query, a form or a JSON body."""
    try:
        _check_token(token)
        result = methods.call(method, _parameters(request), request.FILES)
    except ApiError as error:
        return JsonResponse(error.body, status=error.status)
    return JsonResponse({"ok": True, "result": result})


def _parameters(request: HttpRequest) -> JsonObject:
    parameters: JsonObject = dict(request.GET.items())
    try:
        if request.content_type == "application/json":
            body = json.loads(request.body or b"{}")
            if not isinstance(body, dict):
                raise bad_request("object expected")
            return parameters | body
        return parameters | dict(request.POST.items())
    except RequestDataTooBig as error:
        raise ApiError(413, "Request Entity Too Large") from error
    except ValueError as error:
        raise bad_request("can't parse JSON object") from error


def bot_file(_request: HttpRequest, token: str, file_path: str) -> HttpResponseBase:
    """The bytes behind a ``file_path`` of getFile."""
    try:
        _check_token(token)
        stored = StoredFile.objects.filter(path=file_path, size__lte=files.MAX_DOWNLOAD_BYTES).first()
        if stored is None:
            raise ApiError(404, "Not Found")
    except ApiError as error:
        return JsonResponse(error.body, status=error.status)
    return FileResponse(files.opened(stored), content_type="application/octet-stream")
