"""What a sandbox inherits of its machine: whom it trusts, where packages come from, and nothing else.

Settings of the whole machine (``/etc``) and a short list of variables reach a build; those of the operator's own
account do not, for they may hold keys.
"""

import configparser
import os
import sys
from functools import cache
from pathlib import Path

BUNDLES = (
    "/etc/ssl/certs/ca-certificates.crt",  # Debian, Ubuntu, Alpine, Arch
    "/etc/pki/tls/certs/ca-bundle.crt",  # Fedora, Red Hat
    "/etc/ssl/ca-bundle.pem",  # SUSE
    "/etc/ssl/cert.pem",
)
TRUST = ("SSL_CERT_FILE", "NODE_EXTRA_CA_CERTS", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "GIT_SSL_CAINFO", "PIP_CERT")
PROXIES = ("HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY", "http_proxy", "https_proxy", "no_proxy")
REGISTRIES = ("PIP_INDEX_URL", "PIP_EXTRA_INDEX_URL", "UV_DEFAULT_INDEX", "UV_INDEX", "NPM_CONFIG_REGISTRY")
SETTINGS = (
    *("resolv.conf", "hosts", "host.conf", "nsswitch.conf", "gai.conf", "services", "protocols", "mime.types"),
    *("ssl", "ca-certificates", "pki", "crypto-policies", "ld.so.cache", "ld.so.conf", "ld.so.conf.d"),
    *("localtime", "alternatives", "fonts", "npmrc", "pip.conf", "uv", "gitconfig", "magic"),
)
"""What a sandbox sees of ``/etc``: how to find names, whom to trust, where programs and packages are."""


CACHES = {
    "NPM_CONFIG_CACHE": "npm",
    "YARN_CACHE_FOLDER": "yarn",
    "YARN_GLOBAL_FOLDER": "yarn-berry",
    "UV_CACHE_DIR": "uv",
    "PIP_CACHE_DIR": "pip",
}
"""Where each tool keeps what it has fetched, below a sandbox's cache directory."""


BUILDING = {
    "CI": "true",
    "NPM_CONFIG_FUND": "false",
    "NPM_CONFIG_AUDIT": "false",
    "NPM_CONFIG_UPDATE_NOTIFIER": "false",
    "NPM_CONFIG_PROGRESS": "false",
    "PIP_DISABLE_PIP_VERSION_CHECK": "1",
    "UV_NO_PROGRESS": "1",
    "UV_LINK_MODE": "copy",
    "UV_PYTHON_DOWNLOADS": "never",
    "NEXT_TELEMETRY_DISABLED": "1",
}
"""What tells the tools of every language that nobody watches, and to fetch only what is asked for."""


@cache
def bundle() -> str | None:
    """The file of certificate authorities that this machine trusts."""
    asked = os.environ.get("SSL_CERT_FILE", "")
    return next((path for path in (asked, *BUNDLES) if path and Path(path).is_file()), None)


@cache
def trust() -> dict[str, str]:
    """The variables that make programs in a sandbox trust and reach what the machine trusts and reaches."""
    found = {name: os.environ[name] for name in PROXIES if os.environ.get(name)}
    path = bundle()
    if path:
        found |= dict.fromkeys(TRUST, path) | {"UV_SYSTEM_CERTS": "true"}
    return found


@cache
def registries() -> dict[str, str]:
    """The variables that send npm, pip and uv to this machine's package registries."""
    found = _index_of_pip(Path("/etc/pip.conf")) | {
        name: os.environ[name] for name in REGISTRIES if os.environ.get(name)
    }
    if Path("/etc/npmrc").is_file():
        found["NPM_CONFIG_GLOBALCONFIG"] = "/etc/npmrc"
    return found


@cache
def readable() -> list[str]:
    """The host's directories and files, outside of ``/etc``, that sandboxes see read-only at the same place."""
    roots = ["/usr", *(top for top in ("/bin", "/sbin", "/lib", "/lib64", "/lib32") if Path(top).is_dir())]
    interpreter = str(Path(sys.base_prefix).resolve())
    certificates = bundle()
    extra = [interpreter, *([certificates] if certificates and not certificates.startswith("/etc/") else [])]
    return roots + [path for path in extra if not path.startswith("/usr/") and path != "/usr"]


def _index_of_pip(path: Path) -> dict[str, str]:
    """pip's settings in uv's words, which reads no ``pip.conf``."""
    parser = configparser.ConfigParser(interpolation=None, strict=False)
    try:
        parser.read(path)
    except configparser.Error:
        return {}
    names = {"index-url": "UV_DEFAULT_INDEX", "extra-index-url": "UV_INDEX", "find-links": "UV_FIND_LINKS"}
    section = parser["global"] if parser.has_section("global") else {}
    return {name: " ".join(section[key].split()) for key, name in names.items() if section.get(key)}
