"""The GETs of the protos (`google.api.http`), and what they answer.

    routes(api)                          -> every route but the downloads
    route.path(customer_id="C", …)       -> its path and query for these fields of the request
    refusal(response)                    -> the words of a refused GET, as those of gRPC's client
"""

import json
import re
from dataclasses import dataclass
from urllib.parse import quote, urlencode

from google.api import annotations_pb2
from google.protobuf import any_pb2, json_format
from wire import Refusal, _unpacked

HTTP_STATUS = {
    "CANCELLED": 499, "UNKNOWN": 500, "INVALID_ARGUMENT": 400, "DEADLINE_EXCEEDED": 504, "NOT_FOUND": 404,
    "ALREADY_EXISTS": 409, "PERMISSION_DENIED": 403, "UNAUTHENTICATED": 401, "RESOURCE_EXHAUSTED": 429,
    "FAILED_PRECONDITION": 400, "ABORTED": 409, "OUT_OF_RANGE": 400, "UNIMPLEMENTED": 501, "INTERNAL": 500,
    "UNAVAILABLE": 503, "DATA_LOSS": 500,
}  # fmt: skip


@dataclass(frozen=True)
class Route:
    method: object
    pattern: str

    @property
    def variables(self):
        return re.findall(r"\{(\w+)\}", self.pattern)

    def takes(self, name):
        return name in self.variables or name != "customer_id" and name in self.method.request.DESCRIPTOR.fields_by_name

    def path(self, json_names=False, **fields):
        path = self.pattern
        for name in self.variables:
            path = path.replace("{%s}" % name, quote(fields.pop(name), safe=""))
        words = {}
        for name, value in fields.items():
            field = self.method.request.DESCRIPTOR.fields_by_name[name]
            words[field.json_name if json_names else name] = [word(field, one) for one in value] if field.is_repeated else word(field, value)
        return path + ("?" + urlencode(words, doseq=True) if words else "")

    def reply(self, response):
        assert response.status == 200, (response.status, response.content)
        assert response.headers["content-type"] == "application/json"
        return json_format.Parse(response.content, self.method.response())


def word(field, value):
    if field.enum_type:
        return field.enum_type.values_by_number[value].name
    return {True: "true", False: "false"}[value] if isinstance(value, bool) else str(value)


def routes(api):
    found = []
    for method in api.methods.values():
        described = next(
            service.methods_by_name[method.name]
            for service in method.request.DESCRIPTOR.file.services_by_name.values() if service.name == method.service
        )  # fmt: skip
        rule = described.GetOptions().Extensions[annotations_pb2.http]
        patterns = [rule.get, *(more.get for more in rule.additional_bindings)]
        found += [Route(method, pattern) for pattern in patterns if pattern and not method.server_stream]
    return found


def refusal(response):
    error = json.loads(response.content)["error"]
    assert error["code"] == response.status == HTTP_STATUS[error["status"]], error
    details = [json_format.ParseDict(detail, any_pb2.Any()) for detail in error.get("details", [])]
    return Refusal(error["status"], error["message"], tuple(map(_unpacked, details)))
