"""deploy/kubernetes without a cluster: every object fits its schema, and says what the processes really need."""

import re
import tomllib
from base64 import b64encode
from hashlib import sha256
from pathlib import Path

import pytest

from services.capacity.settings import CapacitySettings
from services.console.settings import ConsoleSettings
from services.contracts.vocabulary import PROCESSES
from services.intake.settings import IntakeSettings
from services.kit.http.health import Health
from services.kit.kafka.topics import TopicSettings
from services.kit.settings import CHECKOUT, AuditSettings, ServiceSettings
from services.local.home import Home
from services.local.issuer import KEYS
from services.local.parts import services
from services.local.plan import make_plan
from services.local.ports import Ports
from services.referral.entrypoints.topic_watching import CONSUMER
from services.referral.settings import ReferralSettings
from tests.support.kubernetes import OVERLAYS, RELEASES, Schemas, Workload, of_kind, rendered, workloads
from tests.unit.deploy.test_alerts import exposed

SETTINGS: dict[str, type[ServiceSettings]] = {
    "services.intake": IntakeSettings, "services.referral": ReferralSettings, "services.capacity": CapacitySettings,
    "services.console": ConsoleSettings, "services.kit": TopicSettings,
}  # fmt: skip
IMAGE = dict(re.findall(r"(JOLDAMA_\w+)=(\S+)", (CHECKOUT / "deploy" / "Dockerfile").read_text()))
CA = "/etc/joldama/servers/ca.crt"


def settings_class(workload: Workload) -> type[ServiceSettings]:
    return next(found for prefix, found in SETTINGS.items() if workload.module.startswith(f"{prefix}."))


def secret(name: str, key: str) -> str:
    """A made-up value of the form that the secret has, which production takes."""
    random = b64encode(sha256(f"{name}/{key}".encode()).digest()).decode()
    if name.endswith(("-database", "-owner")):
        return f"postgresql+psycopg://a:b@sql.example/a?sslmode=verify-full&sslrootcert={CA}"
    if name == "redis":
        return f"rediss://:a@redis.example:6380/0?ssl_ca_certs={CA}"
    return f"1:{random}" if name == "intake-keys" else '{"referral": "a"}' if key == "users" else random


def environment(workload: Workload) -> dict[str, str]:
    """What its container has: the image's variables, the config maps', its own."""
    found = IMAGE | workload.shared
    for name, one in workload.own.items():
        source = one.get("valueFrom", {})
        key = source.get("secretKeyRef")
        found[name] = secret(key["name"], key["key"]) if key else one.get("value", workload.name)
    return found


def variables(known: type[ServiceSettings]) -> set[str]:
    return {f"JOLDAMA_{name.upper()}" for name in known.model_fields}


@pytest.mark.parametrize("release", RELEASES)
@pytest.mark.parametrize("overlay", OVERLAYS)
def test_every_object_fits_the_schema_of_its_kind(overlay: str, release: str) -> None:
    schemas = Schemas(release)
    wrong = {f"{one['kind']} {one['metadata']['name']}": schemas.errors(one) for one in rendered(overlay)}
    assert len(wrong) > 40, "all objects are looked at"
    assert {name: errors for name, errors in wrong.items() if errors} == {}


def test_a_misspelt_field_is_an_error() -> None:
    deployment = of_kind("small", "Deployment")["intake"]
    misspelt = deployment | {"spec": deployment["spec"] | {"replica": 2}}
    assert [one.partition(":")[0] for one in Schemas(RELEASES[-1]).errors(misspelt)] == ["spec"]


@pytest.mark.parametrize("overlay", OVERLAYS)
def test_each_process_of_the_local_network_is_a_workload_by_the_same_command(overlay: str, tmp_path: Path) -> None:
    home = Home(tmp_path)
    home.make()
    for name in KEYS:
        (home.secrets / name).write_text("key")
    with Ports() as ports:
        plan = make_plan(home, ports, {"JOLDAMA_KAFKA_SERVERS": "k:1", "JOLDAMA_REDIS_URL": "redis://r:1/0"})
    local = {one.name: one.command[-1] for one in services(plan)}
    assert {name: one.module for name, one in workloads(overlay, "Deployment", "StatefulSet").items()} == local
    assert set(workloads(overlay, "Job")) == {"migrate-intake", "migrate-referral", "topics"}


@pytest.mark.parametrize("overlay", OVERLAYS)
def test_a_process_accepts_the_environment_that_it_is_given(overlay: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """In production, with nothing in the clear; a variable that it needs and has not is named in the error."""
    for name, one in workloads(overlay).items():
        with monkeypatch.context() as process:
            for variable, value in environment(one).items():
                process.setenv(variable, value)
            settings = settings_class(one)()
        assert not settings.local, name
        assert not settings.plaintext_inside, f"{name}: everything goes by TLS"
        assert settings.issuer.startswith("https://"), name
        assert not isinstance(settings, AuditSettings) or len(settings.audit_keys) == 1, name


@pytest.mark.parametrize("overlay", OVERLAYS)
def test_a_process_knows_each_variable_that_it_is_given(overlay: str) -> None:
    known = {variable for found in SETTINGS.values() for variable in variables(found)}
    for name, one in workloads(overlay).items():
        assert set(one.own) - variables(settings_class(one)) == set(), f"{name}: what it names itself is its own"
        assert set(one.shared) - known == set(), f"{name}: what it shares is at least one process's"


@pytest.mark.parametrize("overlay", OVERLAYS)
def test_probes_and_ports_are_those_that_a_process_serves(overlay: str) -> None:
    routes = {route.path for route in Health().routes()}
    public = {"public": int(IMAGE["JOLDAMA_PORT"])}
    inside = {"inside": int(IMAGE["JOLDAMA_INSIDE_PORT"])}
    found = of_kind(overlay, "Service")
    for name, one in workloads(overlay, "Deployment", "StatefulSet").items():
        ports = {port["name"]: port["containerPort"] for port in one.container["ports"]}
        is_api = "from-edge" in one.labels
        assert ports == (inside | public if is_api else inside), name
        for kind, path in (("startup", "/livez"), ("liveness", "/livez"), ("readiness", "/readyz")):
            probe = one.container[f"{kind}Probe"]["httpGet"]
            assert probe == {"path": path, "port": "inside", "scheme": "HTTPS"}, f"{name}: {kind}"
            assert path in routes
        assert "JOLDAMA_TLS_CERT_FILE" in one.shared, "the port inside is HTTPS"
        if name in found:
            served = {port["name"]: (port["port"], port["targetPort"]) for port in found[name]["spec"]["ports"]}
            assert served == {port: (number, port) for port, number in ports.items()}, name
    apis = {name for name, one in workloads(overlay).items() if "from-edge" in one.labels}
    assert set(found) == apis | {"referral-worker"}


@pytest.mark.parametrize("overlay", OVERLAYS)
def test_a_pod_is_an_ordinary_user_on_a_read_only_root_with_bounds(overlay: str) -> None:
    allowed = {"allowPrivilegeEscalation": False, "readOnlyRootFilesystem": True, "capabilities": {"drop": ["ALL"]}}
    for name, one in workloads(overlay).items():
        user = one.pod["securityContext"]
        assert (user["runAsNonRoot"], user["runAsUser"]) == (True, 10001), f"{name}: the user of the image"
        assert user["seccompProfile"] == {"type": "RuntimeDefault"}, name
        assert one.pod["automountServiceAccountToken"] is False, name
        assert one.container["securityContext"] == allowed, name
        bounds = {kind: set(named) for kind, named in one.container["resources"].items()}
        assert bounds == {"requests": {"cpu", "memory"}, "limits": {"cpu", "memory"}}, name
        mounts = one.container["volumeMounts"]
        assert [mount["mountPath"] for mount in mounts if not mount.get("readOnly")] == ["/tmp"], name
        assert {mount["name"] for mount in mounts} == {volume["name"] for volume in one.pod["volumes"]}, name


@pytest.mark.parametrize("overlay", OVERLAYS)
def test_secrets_are_references_which_the_page_names_each(overlay: str) -> None:
    assert of_kind(overlay, "Secret") == {}, "none is in the files"
    used = {one for workload in workloads(overlay).values() for one in workload.secrets}
    page = (CHECKOUT / "docs" / "kubernetes.md").read_text(encoding="utf-8")
    listed = {(name, key) for name, keys in re.findall(r"^\| `([\w-]+)` \| (`.+?`) \|", page, re.MULTILINE)
              for key in re.findall(r"`([\w.-]+)`", keys)}  # fmt: skip
    assert {one for one in listed if not one[0].startswith(("tls-", "client-", "edge"))} == used
    mounted = {volume["secret"]["secretName"] for one in workloads(overlay).values() for volume in one.pod["volumes"]
               if "secret" in volume}  # fmt: skip
    assert {name for name, _ in listed if name.startswith(("tls-", "client-"))} == mounted


@pytest.mark.parametrize("overlay", OVERLAYS)
def test_each_process_signs_in_as_itself(overlay: str) -> None:
    """By the names of deploy/acls.toml in Kafka, and by its own role at the issuer."""
    found = workloads(overlay)
    users = {name: one.own["JOLDAMA_KAFKA_USERNAME"].get("value") for name, one in found.items()
             if "JOLDAMA_KAFKA_USERNAME" in one.own and name != "topics"}  # fmt: skip
    assert users == {name: name for name in tomllib.loads((CHECKOUT / "deploy" / "acls.toml").read_text())}
    clients = [one.own["JOLDAMA_CLIENT_ID"]["value"] for one in found.values() if "JOLDAMA_CLIENT_ID" in one.own]
    assert sorted(clients) == sorted(PROCESSES)
    assert found["referral-worker"].own["JOLDAMA_WORKER_INSTANCE"]["valueFrom"] == {
        "fieldRef": {"fieldPath": "metadata.name"}
    }, "a worker restarts under its old name"


@pytest.mark.parametrize("overlay", OVERLAYS)
def test_every_process_has_a_budget_and_what_scales_is_there(overlay: str) -> None:
    found = workloads(overlay, "Deployment", "StatefulSet")
    for name, budget in of_kind(overlay, "PodDisruptionBudget").items():
        assert budget["spec"]["selector"]["matchLabels"].items() <= found[name].labels.items(), name
    assert of_kind(overlay, "PodDisruptionBudget").keys() == found.keys()
    topics = tomllib.loads((CHECKOUT / "deploy" / "topics.toml").read_text())["topics"]
    most = max(one["partitions"] for one in topics.values())
    for name, scaler in of_kind(overlay, "HorizontalPodAutoscaler").items():
        target = scaler["spec"]["scaleTargetRef"]
        assert (target["name"], found[name].found["kind"]) == (name, target["kind"])
        assert "replicas" not in found[name].found["spec"], "its number is the scaler's"
        assert name != "referral-worker" or scaler["spec"]["maxReplicas"] <= most


def test_the_worker_s_scaler_and_the_page_know_the_metric_by_its_name() -> None:
    [metric] = of_kind("country", "HorizontalPodAutoscaler")["referral-worker"]["spec"]["metrics"]
    assert metric["external"]["metric"] == {"name": "joldama_worker_lag"}
    page = (CHECKOUT / "docs" / "kubernetes.md").read_text(encoding="utf-8")
    assert "name: {as: joldama_worker_lag}" in page
    assert f'joldama_consumer_lag{{consumer="{CONSUMER}"}}' in page
    assert "joldama_consumer_lag" in exposed()
