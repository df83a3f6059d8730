"""What answers under a model's name: what two models that share one differ by.

In: a model string, what a server says of the model that it serves, or a folder that holds one. Out: short texts that
are equal where the same replies can be expected. A server of one's own (on this machine, in a private network) that
says what it serves counts as that wherever it runs: a run that goes on often finds it on another port or node. Not
here: asking a server (capabilities.py), keys of requests (requests.py).
"""

import hashlib
import ipaddress
import json
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

from citerefine.refiner.chat.endpoint import Endpoint

_OWN: Final = "own server"
_DECIDE: Final = (".safetensors", ".bin", ".pt", ".pth", ".gguf", ".json", ".jinja", ".model", ".txt", ".tiktoken")
"""Files of a model's folder that decide what it says."""


def identity(name: str) -> str:
    """What a model string alone tells of whose replies it gets.

    Of a served model: its name, and whose service it is; servers of one's own count as one. Of a model in a folder:
    what the folder holds.

    >>> identity("openai:m@http://localhost:8000/v1") == identity("openai:m@http://10.0.0.7:9000/v1,http://node3/v1")
    True
    >>> identity("openai:m@https://api.example.com/v1")
    'openai:m@api.example.com/v1'
    """
    kind, _, path = name.partition(":")
    if kind in ("hf", "vllm"):
        return f"{name} {fingerprint(Path(path))}".rstrip()
    if kind != "openai":
        return name
    endpoints = Endpoint.parse_all(name)
    places = sorted({_OWN if _is_own(endpoint.host) else _address(endpoint) for endpoint in endpoints})
    return f"openai:{endpoints[0].model}@{','.join(places)}"


def served(endpoint: Endpoint, told: str) -> str:
    """What an endpoint serves, as a short text.

    Args:
        endpoint: the model and where it is served.
        told: what the server says of the model (`Server.told`); if that is nothing, its address has to stand for it.
    """
    place = _OWN if told and _is_own(endpoint.host) else _address(endpoint)
    return hashlib.sha256(json.dumps([endpoint.model, place, told]).encode()).hexdigest()


def fingerprint(path: Path) -> str:
    """Of the files of a model: names, sizes and times, since reading them takes minutes. Empty if there are none."""
    try:
        files = sorted(file for file in path.iterdir() if file.suffix in _DECIDE) if path.is_dir() else [path]
        facts = [(file.name, found.st_size, found.st_mtime_ns) for file in files for found in [file.stat()]]
    except OSError:  # a name on a hub, most likely
        return ""
    return hashlib.sha256(json.dumps(facts).encode()).hexdigest()


def _address(endpoint: Endpoint) -> str:
    parts = urlsplit(endpoint.base_url)
    return f"{parts.netloc.lower()}{parts.path}"


def _is_own(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_private
    except ValueError:
        return "." not in host
