"""How operations and schemas are called in the OpenAPI document, which is how generated clients call them.

Names come from the path, the method and the service alone: a service that is added renames nothing in another one.
"""

import re
from collections.abc import Container, Mapping
from typing import Any

METHODS = {"GET": "get", "PUT": "put", "PATCH": "edit", "DELETE": "delete"}


def operation_id(route: Any) -> str:
    """`closeIncident`, `listIncidents`, `getIncidentTimeline`, `openIncident`, `listSlaClocks`.

    A POST on a path's end is the verb where a record or another word comes before it; on a collection the verb is the
    first word of the function. The service's name comes first unless it is in the noun already.
    """
    service, *parts = [part for part in route.path_format.split("/") if part]
    words = [part for part in parts if not part.startswith("{")]
    of_one = [number + 1 < len(parts) and parts[number + 1].startswith("{") for number, _ in enumerate(parts)]
    nouns = [
        pascal(singular(part) if one else part)
        for part, one in zip(parts, of_one, strict=True)
        if not part.startswith("{")
    ]
    # FastAPI asks while it puts the route under the service's path, and has not yet filled in its answer.
    declared = route.original_route
    (method,) = route.methods
    if method == "POST" and len(words) > 1:
        verb, nouns = words[-1], nouns[:-1]
    elif method == "POST":
        verb = route.name.partition("_")[0]
        nouns = [pascal(singular(words[0]))] if declared.status_code == 201 else nouns
    elif method == "GET" and singular(parts[-1]) != parts[-1] and "items" in fields(declared.response_model):
        verb = "list"
    else:
        verb = METHODS[method]
    noun = "".join(nouns)
    named = noun if pascal(service) in noun else f"{pascal(service)}{noun}"
    return camel(verb) + named


def fields(shown: Any) -> Container[str]:
    """The fields of what a route answers; a text that is no JSON has none, nor has a choice between models."""
    return getattr(shown, "model_fields", ())


def pascal(words: str) -> str:
    return "".join(word[:1].upper() + word[1:] for word in re.split(r"[-_.]", words))


def camel(words: str) -> str:
    found = pascal(words)
    return found[:1].lower() + found[1:]


ENDS = {"people": "person", "ies": "y", "sses": "ss", "ches": "ch", "xes": "x", "ss": "ss", "s": ""}


def singular(word: str) -> str:
    """Of the nouns that paths are made of: `policies`, `processes`, `known-errors`."""
    for plural, single in ENDS.items():
        if word.endswith(plural):
            return word.removesuffix(plural) + single
    return word


def schema_names(service: str, own: Mapping[str, Any], common: Mapping[str, Any]) -> dict[str, str]:
    """What each schema of a service is called among those of all services.

    What every service has keeps its name; everything else has the service's name in it. Pydantic's marks of two models
    of one name (a module's path before it, `-Input` behind it) go, but where the same model is read and written
    differently.
    """
    names: dict[str, str] = {}
    taken: dict[str, Any] = {}
    for name, content in sorted(own.items(), key=lambda each: each[0].endswith("-Input")):
        plain = re.sub(r"-(Input|Output)$", "", name.rpartition("__")[2])
        if common.get(plain) == content:
            names[name] = plain
            continue
        chosen = plain if pascal(service) in plain and plain not in common else pascal(service) + plain
        if taken.setdefault(chosen, content) != content:
            chosen += "Input"
        names[name] = chosen
    return names
