"""Real proxies in front of two gateways, each with the very configuration that docs/operate/proxies.md shows."""

import os
import re
import shutil
import socket
from dataclasses import dataclass

from .process import Process

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
DOCUMENT = os.path.join(ROOT, "docs", "operate", "proxies.md")
VENV = os.path.join(ROOT, ".venv-proxies", "bin")

NGINX = """
daemon off;
pid {folder}/nginx.pid;
error_log stderr;
events {{ }}
http {{
  access_log off;
  client_body_temp_path {folder}/body;
  proxy_temp_path {folder}/proxy;
  fastcgi_temp_path {folder}/fastcgi;
  uwsgi_temp_path {folder}/uwsgi;
  scgi_temp_path {folder}/scgi;
  include {folder}/configuration-0;
}}
"""


@dataclass(frozen=True)
class Kind:
    """How one proxy is started with files of its section's configuration. `{0}` is the path of the first one."""

    name: str
    program: str
    arguments: tuple[str, ...]
    # The path of the second file, as the first file names it.
    second: str = ""


KINDS = [
    Kind("HAProxy", "haproxy", ("-db", "-f", "{0}")),
    Kind("nginx", "nginx", ("-e", "stderr", "-c", "{folder}/nginx.conf")),
    Kind("Envoy", "envoy", ("-c", "{0}", "--disable-hot-restart", "--concurrency", "1", "-l", "warning")),
    Kind("Traefik", "traefik", ("--configFile={0}",), second="/etc/traefik/berth.yaml"),
    Kind("Caddy", "caddy", ("run", "--adapter", "caddyfile", "--config", "{0}")),
]


def program(kind: Kind) -> str | None:
    return shutil.which(kind.program, path=f"{os.environ['PATH']}:/usr/sbin:{VENV}")


def section(name: str) -> list[str]:
    """The configurations below one heading of the document."""
    with open(DOCUMENT, encoding="utf-8") as file:
        text = file.read().partition(f"\n## {name}\n")[2].partition("\n## ")[0]
    found = re.findall(r"^```\w+\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)
    assert found, f"no configuration of {name}"
    return found


def row(name: str) -> dict[str, str]:
    """One row of the document's table, by its columns."""
    with open(DOCUMENT, encoding="utf-8") as file:
        lines = [line for line in file if line.startswith("|")]
    cells = [[cell.strip() for cell in line.strip().strip("|").split("|")] for line in lines]
    (found,) = [line for line in cells if line[0].startswith(f"[{name}]")]
    return dict(zip(cells[0], found))


def on_this_machine(text: str, port: int, gateways: list[int]) -> str:
    """The document's addresses replaced, in each of the forms that the proxies have for them."""
    for number, gateway in enumerate(gateways, 1):
        text = text.replace(f"10.0.0.{number}:8080", f"127.0.0.1:{gateway}")
        text = text.replace(f"address: 10.0.0.{number}, port_value: 8080", f"address: 127.0.0.1, port_value: {gateway}")
    text = text.replace("0.0.0.0:80", f"127.0.0.1:{port}").replace("http://:80", f"http://:{port}")
    text = text.replace("address: 0.0.0.0, port_value: 80 ", f"address: 127.0.0.1, port_value: {port} ")
    return text.replace("bind 0.0.0.0\n", "bind 127.0.0.1\n")


class Balancer:
    """One proxy in front of gateways."""

    @classmethod
    async def start(cls, kind: Kind, folder: str, gateways: list[int]) -> "Balancer":
        self = cls()
        # This socket keeps the port. The option lets the proxy bind the same port, and no other program gets it.
        self.keeper = socket.socket()
        self.keeper.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self.keeper.bind(("127.0.0.1", 0))
        self.port = self.keeper.getsockname()[1]
        paths = []
        for number, text in enumerate(section(kind.name)):
            path = os.path.join(folder, f"configuration-{number}")
            path += ".yaml" if kind.name in ("Envoy", "Traefik") else ""
            paths.append(path)
            changed = on_this_machine(text, self.port, gateways)
            if kind.second:
                changed = changed.replace(kind.second, os.path.join(folder, "configuration-1.yaml"))
            assert "10.0.0." not in changed and "0.0.0.0" not in changed, changed
            with open(path, "w", encoding="utf-8") as file:
                file.write(changed)
        with open(os.path.join(folder, "nginx.conf"), "w", encoding="utf-8") as file:
            file.write(NGINX.format(folder=folder))
        arguments = [argument.format(*paths, folder=folder) for argument in kind.arguments]
        env = {"HOME": folder, "XDG_DATA_HOME": folder, "XDG_CONFIG_HOME": folder}
        self.process = await Process.start(kind.program, [program(kind), *arguments], folder, env=env)
        return self

    async def dispose(self):
        await self.process.dispose()
        self.keeper.close()
