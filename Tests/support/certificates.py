"""Certificates made by the program openssl: an authority, and servers that it vouches for."""

import os
import ssl
import subprocess
from dataclasses import dataclass


@dataclass
class Pair:
    certificate: str
    key: str

    @property
    def flags(self) -> list[str]:
        return ["--tls-certificate", self.certificate, "--tls-key", self.key]

    def der(self) -> bytes:
        """The server's own certificate as a client sees it."""
        with open(self.certificate, encoding="ascii") as file:
            first = file.read().partition("-----END CERTIFICATE-----")
        return ssl.PEM_cert_to_DER_cert(first[0] + first[1] + "\n")


class Authority:
    def __init__(self, folder: str):
        self.folder = folder
        self.path = os.path.join(folder, "authority.pem")
        self._key = os.path.join(folder, "authority.key")
        self._openssl(
            "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "3",
            "-subj", "/CN=test authority", "-keyout", self._key, "-out", self.path,
        )

    def pair(self, name: str, *, names="DNS:localhost,IP:127.0.0.1", days=2, algorithm="ec") -> Pair:
        """A server's certificate with its chain, and its key. `days=-1` makes an expired one."""
        pair = Pair(os.path.join(self.folder, f"{name}.pem"), os.path.join(self.folder, f"{name}.key"))
        request = os.path.join(self.folder, f"{name}.csr")
        extensions = os.path.join(self.folder, f"{name}.ext")
        with open(extensions, "w", encoding="ascii") as file:
            file.write(f"subjectAltName={names}\n")
        kind = ["ec", "-pkeyopt", "ec_paramgen_curve:prime256v1"] if algorithm == "ec" else [algorithm]
        self._openssl(
            "req", "-new", "-newkey", *kind, "-nodes", "-subj", f"/CN={name}", "-keyout", pair.key, "-out", request
        )
        self._openssl(
            "x509", "-req", "-in", request, "-CA", self.path, "-CAkey", self._key, "-CAcreateserial",
            "-days", str(days), "-extfile", extensions, "-out", pair.certificate,
        )
        with open(pair.certificate, "a", encoding="ascii") as file, open(self.path, encoding="ascii") as authority:
            file.write(authority.read())
        return pair

    def context(self) -> ssl.SSLContext:
        """For a client that trusts this authority alone."""
        return ssl.create_default_context(cafile=self.path)

    def _openssl(self, *arguments):
        subprocess.run(["openssl", *arguments], check=True, capture_output=True, cwd=self.folder)
