"""Checks raw answers against the service models that botocore carries, which are AWS's own: no member that the model
does not know, none of the required ones missing, and each value of its type, pattern and list of words.
(botocore's parser forgives all of this silently.)"""

import json
import re
import xml.etree.ElementTree as ElementTree

ISO = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z")


def faults(operation, status, body):
    """What is wrong with the answer of an operation (botocore's OperationModel), as a list of texts."""
    found = []
    protocol = operation.service_model.protocol
    if protocol in ("json", "rest-json"):
        if status < 300:
            if operation.output_shape is None:
                if body not in (b"", b"{}"):
                    found.append(f"{operation.name}: a body where there is no output")
            else:
                check_json(operation.output_shape, json.loads(body), operation.name, found)
        else:
            check_error(operation, status, json.loads(body), found)
    elif status < 300:
        check_query(operation, ElementTree.fromstring(body), found)
    else:
        root = ElementTree.fromstring(body)
        error = [child for child in root if local(child) == "Error"]
        texts = {local(child): child.text for child in error[0]} if error else {}
        if local(root) != "ErrorResponse" or {"Type", "Code", "Message"} - texts.keys():
            found.append(f"{operation.name}: no ErrorResponse of AWS's form: {body!r}")
        check_error(operation, status, {"__type": texts.get("Code")}, found)
    return found


def check_error(operation, status, body, found):
    """An error that the model lists for the operation has its status, and a reason that the model knows."""
    where = f"{operation.name} {body}"
    for shape in operation.error_shapes:
        code = shape.metadata.get("error", {}).get("code", shape.name)
        if body["__type"] in (shape.name, code):
            wanted = shape.metadata.get("error", {}).get("httpStatusCode", status)
            if status != wanted:
                found.append(f"{where}: status {status}, the model has {wanted}")
            members = {name: value for name, value in body.items() if name != "__type"}
            if operation.service_model.protocol in ("json", "rest-json"):
                check_json(shape, members, where, found)
            return
    if not is_common(body["__type"]):
        found.append(f"{where}: the model does not list this error")


# Errors that AWS's models do not repeat for each operation (the API references list them as common ones).
COMMON = {
    "MissingAuthenticationToken", "UnrecognizedClient", "InvalidClientTokenId", "InvalidSignature", "IncompleteSignature",
    "SignatureDoesNotMatch", "ExpiredToken", "AccessDenied", "Throttling", "Serialization", "ValidationError",
    "MalformedInput", "InvalidAction", "UnknownOperation", "ServiceFailure", "InternalFailure",
}


def is_common(code):
    return code.removesuffix("Exception") in COMMON


def local(element):
    return element.tag.rsplit("}", 1)[-1]


def check_text(shape, text, where, found):
    words = shape.enum if shape.type_name == "string" else []
    if words and text not in words:
        found.append(f"{where}: {text!r} is none of {words}")
    limits = shape.metadata
    if len(text) < limits.get("min", 0) or len(text) > limits.get("max", len(text)):
        found.append(f"{where}: {text!r} has not {limits.get('min')} to {limits.get('max')} characters")
    pattern = limits.get("pattern")
    try:
        fits = not pattern or re.search(pattern, text)
    except re.error:
        fits = True  # a pattern of Java's that Python does not have
    if not fits:
        found.append(f"{where}: {text!r} does not fit {pattern}")


def check_members(shape, names, where, found):
    found.extend(f"{where}: the model has no member {name}" for name in names if name not in shape.members)
    found.extend(f"{where}: {name} is missing" for name in shape.required_members if name not in names)


def check_json(shape, value, where, found):
    kind = shape.type_name
    types = {
        "structure": dict, "map": dict, "list": list, "string": str, "boolean": bool, "integer": int, "long": int,
        "timestamp": (int, float), "double": (int, float),
    }
    if kind == "timestamp" and shape.serialization.get("timestampFormat") == "iso8601":
        if not isinstance(value, str) or not ISO.fullmatch(value):
            found.append(f"{where}: {value!r} is no time")
        return
    if not isinstance(value, types[kind]) or (isinstance(value, bool) and kind != "boolean"):
        found.append(f"{where}: {value!r} is no {kind}")
    elif kind == "structure":
        check_members(shape, value, where, found)
        for name in value.keys() & shape.members.keys():
            check_json(shape.members[name], value[name], f"{where}.{name}", found)
    elif kind == "list":
        for one in value:
            check_json(shape.member, one, f"{where}[]", found)
    elif kind == "string":
        check_text(shape, value, where, found)


def check_query(operation, root, found):
    parts = {local(child): child for child in root}
    wanted = {"ResponseMetadata"}
    shape = operation.output_shape
    wrapper = shape and shape.serialization.get("resultWrapper", f"{operation.name}Result")
    if wrapper:
        wanted.add(wrapper)
    namespace = operation.service_model.metadata.get("xmlNamespace", "")
    if local(root) != f"{operation.name}Response" or parts.keys() != wanted or not root.tag.startswith(f"{{{namespace}}}"):
        found.append(f"{operation.name}: {root.tag} with {sorted(parts)}, expected {sorted(wanted)}")
    if wrapper in parts:
        check_element(shape, parts[wrapper], operation.name, found)


def check_element(shape, element, where, found):
    kind = shape.type_name
    text = element.text or ""
    if kind == "structure":
        check_members(shape, [local(child) for child in element], where, found)
        for child in element:
            if local(child) in shape.members:
                check_element(shape.members[local(child)], child, f"{where}.{local(child)}", found)
    elif kind == "list":
        for child in element:
            if local(child) != "member":
                found.append(f"{where}: {local(child)} instead of member")
            check_element(shape.member, child, f"{where}[]", found)
    elif kind == "timestamp":
        if not ISO.fullmatch(text):
            found.append(f"{where}: {text!r} is no time")
    elif kind == "map":
        for child in element:
            if [local(one) for one in child] != ["key", "value"] or local(child) != "entry":
                found.append(f"{where}: {local(child)} is no entry of a map")
    elif kind == "boolean":
        if text not in ("true", "false"):
            found.append(f"{where}: {text!r} is no boolean")
    elif kind == "integer":
        if not text.isdigit():
            found.append(f"{where}: {text!r} is no number")
    else:
        check_text(shape, text, where, found)


def paths(value, at=""):
    """The members of an answer: `Account.Email`, `Accounts[].Id`."""
    found = set()
    if isinstance(value, dict):
        for name, inner in value.items():
            if name != "ResponseMetadata":
                found |= {f"{at}.{name}".lstrip(".")} | paths(inner, f"{at}.{name}".lstrip("."))
    elif isinstance(value, list):
        for inner in value:
            found |= paths(inner, f"{at}[]")
    return found
