"""The OpenAPI document: GETs of HTTP and the POSTs of Connect, from the protos and their comments.

`openapi.py DESCRIPTORS` writes it to standard output; the descriptors have source info.
"""

import json
import re
import sys

from methods import PACKAGE, SERVICES, all_of, fields, permissions, text
from routes import REPEATED, SAID_BY_PATH, STRING, number, patterns, variables

# Every `google.rpc.ErrorInfo.reason`; a test holds them to what the server's sources have.
REASONS = [
    "AUDIT_UNAVAILABLE", "BATCH_CHANGED", "BATCH_TOO_LARGE", "CONNECTION_BUFFER_FULL", "CREDENTIAL_EXPIRED",
    "CREDENTIAL_INVALID", "CREDENTIAL_MISSING", "CUSTOMER_NOT_FOUND", "DIRECTORY_FULL", "HEADERS_TOO_LARGE", "ID_TAKEN",
    "LAST_USER_MANAGEMENT_ADMIN", "MALFORMED_MESSAGE", "MEMORY_BUDGET", "MESSAGE_TOO_LARGE", "NOT_READ",
    "OUT_OF_MEMORY", "PARTNER_NOT_FOUND", "PRINCIPAL_NOT_FOUND", "RATE_EXCEEDED", "REVISION_NOT_HERE",
    "ROLE_LACKS_PERMISSION", "SHUTTING_DOWN", "STORE_FULL", "STORE_UNAVAILABLE", "TOO_MANY_CHANGES",
    "TOO_MANY_EXPORTS", "TOO_MANY_READS", "TOO_MANY_WATCHES", "USER_NOT_FOUND",
]  # fmt: skip
STATUSES = [
    "CANCELLED", "UNKNOWN", "INVALID_ARGUMENT", "DEADLINE_EXCEEDED", "NOT_FOUND", "ALREADY_EXISTS", "PERMISSION_DENIED",
    "RESOURCE_EXHAUSTED", "FAILED_PRECONDITION", "ABORTED", "OUT_OF_RANGE", "UNIMPLEMENTED", "INTERNAL", "UNAVAILABLE",
    "DATA_LOSS", "UNAUTHENTICATED",
]  # fmt: skip
ANSWERS = {
    "400": "A bad request; the details name the field.", "401": "No credential, or none that is good.",
    "403": "The caller's roles have not the permission; the details name those that would do.",
    "404": "No such resource, or none that the caller may see.",
    "429": "Too much at once; to be tried again after the seconds of `retry-after`.",
    "503": "Not now; to be tried again after the seconds of `retry-after`.", "default": "How it ended else.",
}  # fmt: skip
DOWNLOADS = {"csv": "text/csv", "jsonl": "application/jsonl"}
DIGITS = {"type": "string", "pattern": "^(0|-?[1-9][0-9]{0,19})$"}
WHOLE = {"type": "string", "pattern": "^(0|[1-9][0-9]{0,19})$"}
# By google.protobuf.FieldDescriptorProto.Type, as proto3's JSON writes them.
SCALARS = {
    1: {"type": "number", "format": "double"}, 3: {**DIGITS, "format": "int64"}, 4: {**WHOLE, "format": "uint64"},
    5: {"type": "integer", "format": "int32", "minimum": -2147483648, "maximum": 2147483647},
    6: {**WHOLE, "format": "uint64"}, 8: {"type": "boolean"}, 9: {"type": "string"},
    12: {"type": "string", "contentEncoding": "base64"},
    13: {"type": "integer", "format": "uint32", "minimum": 0, "maximum": 4294967295},
}  # fmt: skip
WELL_KNOWN = {
    "Timestamp": {"type": "string", "format": "date-time"}, "FieldMask": {"type": "string"},
    "Any": {"type": "object", "properties": {"@type": {"type": "string"}}},
}  # fmt: skip
# Texts that are days.
DAYS = re.compile(r"(.*_)?(date|as_of|through)|term_end|window_start|window_end|customer_since")
# What a request is refused without, by its message; a test holds them to what the server says.
CUSTOMER = ["customer_id"]
REQUIRED = {
    "GetCustomerInsightsRequest": CUSTOMER, "GetCustomerRequest": CUSTOMER, "ListSubscriptionsRequest": CUSTOMER,
    "ListLicensedUsersRequest": CUSTOMER, "CheckCustomerRequest": CUSTOMER, "EraseUserRequest": ["customer_id", "user_id"],
    "GetTrendRequest": ["start_date", "end_date"], "ExplainAccessRequest": ["method"],
    "DeletePrincipalRequest": ["principal_id"], "CreatePartnerRequest": ["partner_id", "principal"],
    "UpdatePartnerRequest": ["partner_id", "disabled"], "CreatePrincipalRequest": ["principal"], "UpdatePrincipalRequest": ["principal"],
}  # fmt: skip
# Of parameters, by their names; a filter takes other keys where figures are listed.
EXAMPLES = {
    "customer_id": "coho-vineyard", "as_of": "2024-03-31", "start_date": "2024-01-01", "end_date": "2024-03-31",
    "workload_code": "EXO", "language_code": "nl", "page_size": 100, "order_by": "usage desc",
    "filter": 'customer_name : "coho" AND market = NL',
}  # fmt: skip
FIGURES_FILTER = "usage < 40 AND sold >= 25"


def ref(name, kind="schemas"):
    return {"$ref": f"#/components/{kind}/{name}"}


def varints(data):
    value = shift = 0
    for byte in data:
        value |= (byte & 0x7F) << shift
        shift += 7
        if byte < 0x80:
            yield value
            value = shift = 0


class File:
    """A file of the protos with its comments."""

    def __init__(self, data):
        self.data = data
        self.comments = {}
        for info in all_of(data, 9):
            for location in all_of(info, 1):
                path = tuple(varints(b"".join(all_of(location, 1))))
                self.comments[path] = " ".join(text(location, 3).split())

    def about(self, *path):
        return self.comments.get(path, "")


def described(schema, words):
    return {**schema, "description": words} if words else schema


def field_schema(field):
    kind, name = number(field, 5), text(field, 6).rpartition(".")[2]
    schema = SCALARS.get(kind) or WELL_KNOWN.get(name) or ref(name)
    if kind == STRING and DAYS.fullmatch(text(field, 1)):
        schema = {**schema, "format": "date"}
    return {"type": "array", "items": schema} if number(field, 4) == REPEATED else schema


def enum_schema(file, enum, place):
    names = [text(value, 1) for value in all_of(enum, 2)]
    lines = [file.about(5, place)]
    lines += [f"- `{name}`: {words}" for at, name in enumerate(names) if (words := file.about(5, place, 2, at))]
    return described({"type": "string", "enum": names}, "\n".join(filter(None, lines)))


def schemas(files):
    """Of every message and enum, by its name."""
    result = {}
    for file in files:
        for place, message in enumerate(all_of(file.data, 4)):
            if all_of(message, 3):
                sys.exit(f"openapi.py: {text(message, 1)} has messages in it")
            properties = {
                text(field, 10): described(field_schema(field), file.about(4, place, 2, at))
                for at, field in enumerate(all_of(message, 2))
            }
            schema = {"type": "object", "properties": properties}
            if text(message, 1) in REQUIRED:
                json_names = {text(field, 1): text(field, 10) for field in all_of(message, 2)}
                schema["required"] = [json_names[name] for name in REQUIRED[text(message, 1)]]
            result[text(message, 1)] = described(schema, file.about(4, place))
        for place, enum in enumerate(all_of(file.data, 5)):
            result[text(enum, 1)] = enum_schema(file, enum, place)
    return dict(sorted(result.items()))


def detail(name, properties):
    kind = {"const": f"type.googleapis.com/google.rpc.{name}"}
    return {"type": "object", "required": ["@type"], "properties": {"@type": kind, **properties}}


def error_schemas():
    word, words = {"type": "string"}, {"type": "object", "additionalProperties": {"type": "string"}}
    violation = {"type": "object", "properties": {"field": word, "description": word}}
    error = {
        "code": {"type": "integer", "description": "The status of HTTP."},
        "status": {"type": "string", "enum": STATUSES, "description": "The status of gRPC."}, "message": word,
        "details": {"type": "array", "items": {"anyOf": [ref(name) for name in ("ErrorInfo", "BadRequest", "RetryInfo")]}},
    }  # fmt: skip
    connect_detail = {
        "type": {"type": "string", "description": "Full name of a message."},
        "value": {"type": "string", "contentEncoding": "base64"}, "debug": {"type": "object"},
    }  # fmt: skip
    connect = {
        "code": {"type": "string", "enum": [name.lower().replace("cancelled", "canceled") for name in STATUSES]},
        "message": word, "details": {"type": "array", "items": {"type": "object", "properties": connect_detail}},
    }  # fmt: skip
    return {
        "ErrorReason": {"type": "string", "enum": REASONS, "description": "Others may come."},
        "ErrorInfo": detail("ErrorInfo", {"reason": ref("ErrorReason"), "domain": word, "metadata": words}),
        "BadRequest": detail("BadRequest", {"fieldViolations": {"type": "array", "items": violation}}),
        "RetryInfo": detail("RetryInfo", {"retryDelay": {"type": "string", "pattern": "^[0-9.]+s$"}}),
        "Error": {
            "type": "object", "required": ["error"], "description": "How a GET ended, as AIP-193 writes it.",
            "properties": {"error": {"type": "object", "required": ["code", "status"], "properties": error}},
        },
        "ConnectError": {
            "type": "object", "required": ["code"], "description": "How a POST ended, as Connect writes it.",
            "properties": connect,
        },
    }  # fmt: skip


def responses():
    retry = {"retry-after": {"schema": {"type": "integer", "minimum": 0}, "description": "Seconds."}}
    result = {}
    for form, schema in (("Get", "Error"), ("Post", "ConnectError")):
        for status, words in ANSWERS.items():
            answer = {"description": words, "content": {"application/json": {"schema": ref(schema)}}}
            result[form + status.capitalize()] = {**answer, "headers": retry} if status in ("429", "503") else answer
    return result


def refusals(form):
    return {status: ref(form + status.capitalize(), "responses") for status in ANSWERS}


def example(name, request):
    if name == "filter" and request.endswith("InsightsRequest"):
        return {"example": FIGURES_FILTER}
    return {"example": EXAMPLES[name]} if name in EXAMPLES else {}


class Operations:
    def __init__(self, files):
        self.files = files
        self.messages = {
            f".{PACKAGE}.{text(message, 1)}": (file, place, message)
            for file in files for place, message in enumerate(all_of(file.data, 4))
        }  # fmt: skip
        self.permissions = {
            place: re.sub(r"(?<=[a-z])(?=[A-Z])", "_", name).upper()
            for place, name in permissions([file.data for file in files]).items()
        }
        self.gets, self.posts = {}, {}
        for file in files:
            for at, service in enumerate(all_of(file.data, 6)):
                for place, method in enumerate(all_of(service, 2)):
                    self.add(text(service, 1), method, file.about(6, at, 2, place))

    def add(self, service, method, words):
        name, options = text(method, 1), b"".join(all_of(method, 4))
        permission = self.permissions[next(value for key, value in fields(options) if key == 50001)]
        about = {"tags": [service], "summary": re.split(r"(?<=[.:])\s", words)[0].rstrip(".:")}
        about |= {"description": f"{words} Needs the permission `{permission}`."}
        found = list(patterns(options))
        for pattern in found:
            in_paths = {name for other in found for name in variables(other)} | SAID_BY_PATH.get(name, set())
            self.gets[pattern] = {"get": {
                "operationId": "get" + words_of(pattern), **about,
                "parameters": list(self.parameters(text(method, 2), pattern, in_paths)),
                "responses": {"200": self.answer(text(method, 3), pattern), **refusals("Get")},
            }}  # fmt: skip
        if not any(all_of(method, 5)) and not any(all_of(method, 6)):
            request, reply = (text(method, place).rpartition(".")[2] for place in (2, 3))
            self.posts[f"/{PACKAGE}.{service}/{name}"] = {"post": {
                "operationId": f"{service}_{name}", **about,
                "requestBody": {"required": True, "content": {"application/json": {"schema": ref(request)}}},
                "responses": {
                    "200": {"description": "The reply.", "content": {"application/json": {"schema": ref(reply)}}},
                    **refusals("Post"),
                },
            }}  # fmt: skip

    def parameters(self, request, pattern, in_paths):
        file, place, message = self.messages[request]
        for at, field in enumerate(all_of(message, 2)):
            name, words = text(field, 1), file.about(4, place, 2, at)
            schema = field_schema(field)
            if name in variables(pattern):
                yield {
                    "name": name, "in": "path", "required": True, "schema": {**schema, "pattern": "^[!-~]{1,128}$"},
                    "description": "Its id; what means something in an address is percent-encoded.", **example(name, request),
                }  # fmt: skip
            elif name not in in_paths:
                required = {"required": True} if name in REQUIRED.get(request.rpartition(".")[2], []) else {}
                yield described({"name": name, "in": "query", **required, "schema": schema}, words) | example(name, request)

    def answer(self, reply, pattern):
        form = pattern.rpartition(".")[2]
        if form in DOWNLOADS:
            attachment = {"content-disposition": {"schema": {"type": "string"}}}
            content = {DOWNLOADS[form]: {"schema": {"type": "string"}}}
            return {"description": "The rows, as they come.", "headers": attachment, "content": content}
        answer = {"description": "The reply.", "content": {"application/json": {"schema": ref(reply.rpartition(".")[2])}}}
        if any(text(field, 1) == "revision" for field in all_of(self.messages[reply][2], 2)):
            answer["headers"] = {"etag": {
                "schema": {"type": "string", "pattern": '^W/"r[0-9]+"$'}, "description": "The revision of the facts shown.",
            }}  # fmt: skip
        return answer


def words_of(pattern):
    """`/v1/customers/{customer_id}/trend` is `CustomerTrend`."""
    path = pattern.removeprefix("/v1").replace("/customers/{customer_id}", "/customer").replace(".", "/")
    return "".join(word.capitalize() for word in path.split("/"))


def document_itself():
    return {"get": {
        "operationId": "getOpenapi", "tags": ["Document"], "summary": "This document", "parameters": [],
        "responses": {
            "200": {"description": "OpenAPI 3.1.", "content": {"application/json": {"schema": {"type": "object"}}}},
            **refusals("Get"),
        },
    }}  # fmt: skip


def document(files):
    operations = Operations(files)
    about = {text(service, 1): file.about(6, at) for file in files for at, service in enumerate(all_of(file.data, 6))}
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Partner Insights", "version": "v1",
            "description": (
                "The methods of gRPC as JSON. A POST has the request as its body; a GET has it in path and query, by the "
                "names here or those of JSON, and repeats what is a list. JSON is that of proto3: 64-bit integers are "
                "texts, and what is absent or has its default is left out."
            ),
        },
        "servers": [{"url": "/"}],
        "security": [{"mutualTLS": []}, {"bearer": []}],
        "tags": [{"name": name, "description": about[name]} for name in SERVICES],
        "paths": {**operations.gets, "/openapi.json": document_itself(), **operations.posts},
        "components": {
            "securitySchemes": {
                "mutualTLS": {"type": "mutualTLS", "description": "The client certificate of a registered principal."},
                "bearer": {"type": "http", "scheme": "bearer", "bearerFormat": "JWT"},
            },
            "responses": responses(),
            "schemas": {**error_schemas(), **schemas(files)},
        },
    }  # fmt: skip


def lines(value, deep=3):
    """A line for each path and schema, so that a change is seen where it is."""
    if deep and isinstance(value, dict):
        return "{" + ",\n".join(f"{json.dumps(key)}:{lines(part, deep - 1)}" for key, part in value.items()) + "}"
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


def main():
    with open(sys.argv[1], "rb") as source:
        files = [File(file) for file in all_of(source.read(), 1) if text(file, 2) == PACKAGE]
    print(lines(document(files)))


if __name__ == "__main__":
    main()
