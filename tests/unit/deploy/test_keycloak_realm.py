"""The realm that deploy/keycloak offers: it knows each process, and brings no secret."""

import json
from typing import Any

from services.contracts.vocabulary import PROCESSES, Role
from services.kit.settings import CHECKOUT

TEXT = (CHECKOUT / "deploy" / "keycloak" / "joldama-realm.json").read_text()
REALM: dict[str, Any] = json.loads(TEXT)


def test_each_process_is_a_client_with_its_own_role_and_no_other() -> None:
    roles_of = {one["serviceAccountClientId"]: one["realmRoles"] for one in REALM["users"]}
    assert roles_of == {process: [process] for process in PROCESSES}
    allowed = {one["client"]: set(one["roles"]) for one in REALM["scopeMappings"]}
    assert allowed == {process: {process} for process in PROCESSES} | {"console-pages": set(Role) - set(PROCESSES)}
    assert {one["clientId"] for one in REALM["clients"]} == allowed.keys()
    assert {one["name"] for one in REALM["roles"]["realm"]} == set(Role)
    assert not any(one["fullScopeAllowed"] for one in REALM["clients"]), "no client has more roles than its own"


def test_the_realm_brings_no_secret_and_no_key() -> None:
    assert not any("secret" in client for client in REALM["clients"])
    assert not any("credentials" in user for user in REALM["users"])
    assert "components" not in REALM
