"""The published description and what is really served are the same thing."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import jsonschema
import pytest
from rest_ports import CHANGED, NOW, House, document, read, served

from adapters.rest.answers import problem
from adapters.rest.codec import decode
from adapters.rest.served import RestEndpoints
from gateway.errors import Refusal
from gateway.model.delivery import Attempt, State
from gateway.model.verdict import Judged
from gateway.ports import Reply
from schemas.rest import document_schema, openapi

OPENAPI: Any = openapi()


def endpoints() -> dict[tuple[str, str], Any]:
    house: Any = House()
    return {(item.path, item.method.lower()): item for item in RestEndpoints(*[house] * 7).endpoints()}


def operations() -> Iterator[tuple[str, str, Any]]:
    for path, methods in OPENAPI["paths"].items():
        for method, operation in methods.items():
            yield path, method, operation


def validator(schema: Any) -> jsonschema.Draft202012Validator:
    return jsonschema.Draft202012Validator({"components": OPENAPI["components"], "allOf": [schema]})


def check(reply: Reply, path: str, method: str = "get") -> None:
    described = OPENAPI["paths"][path][method]["responses"][str(reply.status)]
    for name in described.get("headers", {}):
        assert name in reply.headers
    validator(described["content"][reply.media_type]["schema"]).validate(json.loads(reply.body))


def test_every_endpoint_is_described_and_every_description_served() -> None:
    assert set(endpoints()) == {(path, method) for path, method, _ in operations()}


def test_bodies_and_path_parameters_are_described_where_they_are_used() -> None:
    for path, method, operation in operations():
        endpoint = endpoints()[path, method]
        assert ("requestBody" in operation) == endpoint.reads_body
        referenced = {parameter["$ref"].rsplit("/", 1)[-1] for parameter in operation["parameters"]}
        described = [OPENAPI["components"]["parameters"][name] for name in referenced]
        in_path = {parameter["name"] for parameter in described if parameter["in"] == "path"}
        assert in_path == {step.strip("{}") for step in path.split("/") if step.startswith("{")}


def test_the_served_document_stands_on_its_own() -> None:
    def references(value: Any) -> Iterator[str]:
        if isinstance(value, dict):
            if "$ref" in value:
                yield value["$ref"]
            value = list(value.values())
        if isinstance(value, list):
            for item in value:
                yield from references(item)

    for reference in references(OPENAPI):
        target = OPENAPI
        assert reference.startswith("#/")
        for step in reference.removeprefix("#/").split("/"):
            target = target[step]


def test_every_schema_is_a_schema() -> None:
    jsonschema.Draft202012Validator.check_schema(document_schema())
    for schema in OPENAPI["components"]["schemas"].values():
        jsonschema.Draft202012Validator.check_schema(schema)


def examples() -> list[Any]:
    found: list[Any] = []

    def gather(value: Any, at: str) -> None:
        if isinstance(value, list):
            for place, item in enumerate(value):
                gather(item, f"{at}/{place}")
        if not isinstance(value, dict):
            return
        if "schema" in value and "example" in value:
            found.append(pytest.param(value["schema"], value["example"], id=at))
        if "schema" in value and "examples" in value:
            found.extend(
                pytest.param(value["schema"], item["value"], id=f"{at}/{name}")
                for name, item in value["examples"].items()
            )
        for name, item in value.items():
            gather(item, f"{at}/{name}")

    gather({"paths": OPENAPI["paths"], "components": OPENAPI["components"]}, "")
    return found


@pytest.mark.parametrize(("schema", "example"), examples())
def test_examples_fit_their_schemas(schema: Any, example: Any) -> None:
    validator(schema).validate(example)


def test_the_examples_of_documents_are_accepted_by_the_decoder() -> None:
    content = OPENAPI["paths"]["/api/v1/documents"]["post"]["requestBody"]["content"]["application/json"]
    for example in content["examples"].values():
        decode(json.dumps(example["value"]).encode())


async def test_live_answers_fit_the_description() -> None:
    house = House()
    house.judged = [Judged(0, "cong-van.pdf", "e" * 64, "pdf", CHANGED, NOW)]
    message = house.put(document("H53.01", ("G22",)), peer="qlvb", key="k")
    delivery = house.deliver(message, "vxp", state=State.LEASED, attempts=1)
    house.attempts[delivery.id] = [Attempt("a", delivery.id, 1, NOW, None, "started")]
    mail = house.deliver(house.put(document()), "qlvb", "H53.01")
    posted = {"content-type": "application/json"}
    check(await served(house, "POST", "/api/v1/documents", headers=posted, body=b"{}"), "/api/v1/documents", "post")
    check(await served(house, "GET", "/api/v1/messages"), "/api/v1/messages")
    check(await served(house, "GET", f"/api/v1/messages/{message.id}"), "/api/v1/messages/{id}")
    check(await served(house, "GET", f"/api/v1/messages/{message.id}/body"), "/api/v1/messages/{id}/body")
    check(await served(house, "GET", "/api/v1/mailbox"), "/api/v1/mailbox")
    check(await served(house, "GET", f"/api/v1/mailbox/{mail.id}"), "/api/v1/mailbox/{delivery}")
    ack = f"/api/v1/mailbox/{mail.id}/ack"
    done = await served(house, "POST", ack, headers=posted, body=b'{"result":"done"}')
    check(done, "/api/v1/mailbox/{delivery}/ack", "post")
    verify, apply = "/api/v1/signatures/verify", "/api/v1/signatures/apply"
    check(await served(house, "POST", verify, headers=posted, body=b'{"kind":"pdf","content":""}'), verify, "post")
    sealed = await served(house, "POST", apply, headers=posted, body=b'{"party":"H53.01","content":""}')
    check(sealed, apply, "post")
    described = await served(house, "GET", "/api/v1/openapi.json")
    check(described, "/api/v1/openapi.json")
    assert read(described) == OPENAPI


def test_problems_fit_the_description() -> None:
    refused = OPENAPI["components"]["responses"]["Refused"]["content"]["application/problem+json"]["schema"]
    for refusal in (Refusal("json.value", where="/to", detail="required"), Refusal("limit.busy")):
        validator(refused).validate(read(problem(refusal, "vi", "r")))


def test_the_acknowledgements_schema_wants_a_reason_for_a_failure() -> None:
    schema = validator({"$ref": "#/components/schemas/Acknowledgement"})
    assert schema.is_valid({"result": "fail", "reason": "x"})
    assert not schema.is_valid({"result": "fail"})
    assert not schema.is_valid({"result": "fail", "reason": " "})
