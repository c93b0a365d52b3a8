"""A good request of every method that is served, and every text that a request can carry."""

from facts import day
from google.protobuf.descriptor import FieldDescriptor
from wire import PACKAGE

# Somebody for each caller to delete.
VICTIM = "victim-{column}"

# Fields of a good request besides `customer_id`; `{column}` is a word of the caller's own.
REQUESTS = {
    "CreatePartner": {"partner_id": "made-{column}", "principal": {"principal_id": "first"}},
    "CreatePrincipal": {"principal": {"principal_id": "made-{column}"}},
    "DeletePrincipal": {"principal_id": VICTIM},
    "ExplainAccess": {"roles": [3], "method": f"{PACKAGE}.AccessService/WhoAmI"},
    "ListAuditEvents": {},
    "ListPrincipals": {},
    "UpdatePartner": {"partner_id": "switched", "disabled": False},
    "UpdatePrincipal": {"principal": {"principal_id": "nobody"}},
    "WhoAmI": {},
    "GetCustomer": {},
    "ListCustomers": {},
    "ListLicensedUsers": {},
    "ListSubscriptions": {},
    "CheckCustomer": {},
    "EraseUser": {"user_id": "leaver"},
    "GetIngestStatus": {},
    "Ingest": {"batch_id": "batch-{column}"},
    "CompareLicenses": {},
    "ExplainUsage": {"product": 1},
    "ExportInsights": {},
    "GetCustomerInsights": {},
    "GetPortfolioInsights": {},
    "GetTrend": {"start_date": day(-5).isoformat(), "end_date": day(-1).isoformat()},
    "ListCustomerInsights": {},
    "ListRecommendations": {},
    "WatchInsights": {},
    "Check": {},
    "Watch": {},
    "ServerReflectionInfo": {"list_services": ""},
}


def filled(value, column):
    if isinstance(value, dict):
        return {name: filled(field, column) for name, field in value.items()}
    return value.replace("{column}", column) if isinstance(value, str) else value


def text_fields(descriptor, path=()):
    """Paths to every string in a message, however deep; of lists the first element."""
    for field in descriptor.fields:
        here = (*path, field.name)
        if field.type == FieldDescriptor.TYPE_STRING:
            yield here
        elif field.type == FieldDescriptor.TYPE_MESSAGE:
            yield from text_fields(field.message_type, here)


def with_text(message, path, text):
    """A copy of `message` with `text` put where `path` leads."""
    changed = type(message)()
    changed.CopyFrom(message)
    place = changed
    for name in path[:-1]:
        inner = getattr(place, name)
        if hasattr(inner, "append"):
            place = inner[0] if len(inner) else inner.add()
        else:
            inner.SetInParent()
            place = inner
    last = getattr(place, path[-1])
    if isinstance(last, str):
        setattr(place, path[-1], text)
    else:
        last.append(text)
    return changed


def altered(token):
    """A token of base64 text that differs from the one given in a whole character, none of whose bits are spare."""
    place = len(token) // 2
    other = token[:place] + ("A" if token[place] != "A" else "B") + token[place + 1 :]
    assert other != token
    return other
