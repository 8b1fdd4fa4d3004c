"""The self-signed certificate that the server makes for itself.

Browsers give cameras and microphones to secure pages only, so that a LAN needs TLS too. The
certificate is made at the first start, kept, and made again when it is about to expire or when
this machine has an address that it does not name.
"""

from __future__ import annotations

import datetime
import ipaddress
import os
import socket
from collections.abc import Sequence
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

LIFETIME = datetime.timedelta(days=820)
"""Apple's systems refuse more than 825 days, https://support.apple.com/en-us/103769."""
RENEW_BEFORE = datetime.timedelta(days=30)


def own_certificate(
    folder: Path, addresses: Sequence[str], now: datetime.datetime, aliases: Sequence[str] = ()
) -> tuple[Path, Path]:
    """Paths of the certificate and its key, made where needed. Raises `OSError`.

    `aliases`: DNS names besides this machine's own.
    """
    certificate, key = folder / "certificate.pem", folder / "certificate-key.pem"
    names = list(dict.fromkeys([*(alias.lower() for alias in aliases), *host_names()]))
    if not _still_good(certificate, key, names, addresses, now):
        certificate_pem, key_pem = make(names, addresses, now)
        folder.mkdir(parents=True, exist_ok=True)
        write_secret(key, key_pem)
        certificate.write_bytes(certificate_pem)
    return certificate, key


def named_in(certificate: bytes) -> list[str]:
    """DNS names of a PEM certificate (the first of a chain); none where it cannot be read."""
    try:
        extensions = x509.load_pem_x509_certificate(certificate).extensions
        found = extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except (ValueError, x509.ExtensionNotFound):
        return []
    return found.get_values_for_type(x509.DNSName)


def host_names() -> list[str]:
    """This machine's names, as a browser in the LAN may write them."""
    hostname = socket.gethostname().lower()
    names = ["localhost", hostname]
    if "." not in hostname:
        names.append(f"{hostname}.local")
    return names


def write_secret(path: Path, content: bytes) -> None:
    """Write a file that only its owner may read, whole or not at all."""
    temporary = path.with_name(path.name + ".new")
    temporary.unlink(missing_ok=True)
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(content)
    temporary.replace(path)


def _still_good(
    certificate: Path,
    key: Path,
    names: Sequence[str],
    addresses: Sequence[str],
    now: datetime.datetime,
) -> bool:
    try:
        found = x509.load_pem_x509_certificate(certificate.read_bytes())
        private = serialization.load_pem_private_key(key.read_bytes(), None)
        alternatives = found.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except (OSError, ValueError, x509.ExtensionNotFound):
        return False
    if found.not_valid_after_utc - RENEW_BEFORE < now or private.public_key() != found.public_key():
        return False
    named = set(alternatives.get_values_for_type(x509.DNSName))
    covered = {str(address) for address in alternatives.get_values_for_type(x509.IPAddress)}
    return set(names) <= named and set(addresses) <= covered


def make(
    names: Sequence[str], addresses: Sequence[str], now: datetime.datetime
) -> tuple[bytes, bytes]:
    """(certificate, key) as PEM: ECDSA P-256, for a TLS server of these names and addresses."""
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, names[-1][:64])])
    alternatives: list[x509.GeneralName] = [x509.DNSName(name) for name in names]
    alternatives += [x509.IPAddress(ipaddress.ip_address(address)) for address in addresses]
    usage = x509.KeyUsage(
        digital_signature=True,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=False,
        crl_sign=False,
        encipher_only=False,
        decipher_only=False,
    )
    certificate = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(hours=1))
        .not_valid_after(now + LIFETIME)
        .add_extension(x509.SubjectAlternativeName(alternatives), critical=False)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(usage, critical=True)
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
        .sign(key, hashes.SHA256())
    )
    return certificate.public_bytes(serialization.Encoding.PEM), key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
