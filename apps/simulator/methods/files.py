"""getFile."""

from apps.simulator.files import file_description
from apps.simulator.methods.registry import Uploads, api_method
from apps.simulator.schemas import GetFile, JsonObject


@api_method("getFile", params=GetFile)
def get_file(params: GetFile, _: Uploads) -> JsonObject:
    return file_description(params.file_id)
