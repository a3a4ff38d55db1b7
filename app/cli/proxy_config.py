"""``flask edge``: the configuration of a reverse proxy."""

from collections.abc import Callable
from typing import Final

import click
from flask import Flask, current_app

from app.cli.terminal import Failed, Group, page
from app.rest.proxy_config import apache, caddy, envoy, haproxy, nginx, traefik
from app.rest.proxy_config.rendering import INSTANCES, LISTEN, Addresses

group = Group("edge", help="The configuration of a reverse proxy.")
Configure = Callable[[Flask, Addresses], str]


@group.command("nginx")
def print_nginx() -> None:
    """Print deploy/nginx/problems.conf: the problem documents for requests that nginx itself rejects.

    The other files of deploy/nginx need no generation.
    """
    page(nginx.configuration(current_app), ends=False)


def _command(name: str, configure: Configure, summary: str) -> None:
    """Add the command of a proxy whose complete configuration is generated."""

    @group.command(name, help=summary)
    @click.option("--listen", default=LISTEN, show_default=True, help="Host and port of the proxy.")
    @click.option(
        "--instance",
        "instances",
        multiple=True,
        default=INSTANCES,
        show_default=True,
        help="HOST:PORT or unix:PATH of an instance; repeat the option for each of them.",
    )
    @click.option("--certificate", default="", help="Path of the certificate chain (PEM), for TLS and HTTP/2.")
    @click.option("--key", default="", help="Path of its key (PEM), by default that of the certificate and .key.")
    def print_configuration(listen: str, instances: tuple[str, ...], certificate: str, key: str) -> None:
        host, _, port = listen.rpartition(":")
        if not host or not port.isdigit():
            raise Failed(f"--listen has the form HOST:PORT, not {listen}.")
        if key and not certificate:
            raise Failed("--key needs --certificate.")
        if name == "haproxy" and key not in ("", f"{certificate}.key"):
            raise Failed(f"HAProxy reads the key from {certificate}.key, or from the file of the certificate.")
        if name == "traefik" and any(each.startswith("unix:") for each in instances):
            raise Failed("Traefik needs instances on TCP: --instance HOST:PORT.")
        files = (certificate, key or f"{certificate}.key") if certificate else ("", "")
        page(configure(current_app, Addresses(listen, instances, *files)), ends=False)


PROXIES: Final[dict[str, tuple[Configure, str]]] = {
    "apache": (apache.configuration, "Print apache.conf, for Apache httpd 2.4.54 or newer."),
    "caddy": (caddy.configuration, "Print a Caddyfile, for Caddy 2.10 or newer."),
    "envoy": (envoy.configuration, "Print envoy.yaml, for Envoy 1.36 or newer."),
    "haproxy": (haproxy.configuration, "Print haproxy.cfg, for HAProxy 2.6 or newer."),
    "traefik": (traefik.configuration, "Print traefik-dynamic.yaml, for Traefik 3.7 or newer."),
}
for _name, (_configure, _summary) in PROXIES.items():
    _command(_name, _configure, _summary)
