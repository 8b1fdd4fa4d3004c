from __future__ import annotations

import datetime
import stat
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec

from signaling.machine.certificate import host_names, named_in, own_certificate

NOW = datetime.datetime(2026, 1, 1, tzinfo=datetime.UTC)


def load(path: Path) -> x509.Certificate:
    return x509.load_pem_x509_certificate(path.read_bytes())


def test_what_browsers_ask_of_it(tmp_path: Path) -> None:
    path, key = own_certificate(tmp_path / "new", ["192.168.1.5", "::1"], NOW)
    certificate = load(path)
    names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    assert set(names.get_values_for_type(x509.DNSName)) == set(host_names())
    addresses = [str(address) for address in names.get_values_for_type(x509.IPAddress)]
    assert addresses == ["192.168.1.5", "::1"]
    public = certificate.public_key()
    assert isinstance(public, ec.EllipticCurvePublicKey)
    assert isinstance(public.curve, ec.SECP256R1)
    lifetime = certificate.not_valid_after_utc - certificate.not_valid_before_utc
    assert lifetime <= datetime.timedelta(days=825)
    assert stat.S_IMODE(key.stat().st_mode) == 0o600


def test_kept_while_it_is_good(tmp_path: Path) -> None:
    own_certificate(tmp_path, ["10.0.0.1", "10.0.0.2"], NOW)
    first = (tmp_path / "certificate.pem").read_bytes()
    own_certificate(tmp_path, ["10.0.0.1"], NOW + datetime.timedelta(days=700))
    assert (tmp_path / "certificate.pem").read_bytes() == first


def test_renewed_for_a_new_address_before_its_end_and_when_damaged(tmp_path: Path) -> None:
    seen = set()
    path, key = own_certificate(tmp_path, ["10.0.0.1"], NOW)
    seen.add(path.read_bytes())
    own_certificate(tmp_path, ["10.0.0.2"], NOW)
    seen.add(path.read_bytes())
    own_certificate(tmp_path, ["10.0.0.2"], NOW + datetime.timedelta(days=800))
    seen.add(path.read_bytes())
    key.write_bytes(b"damaged")
    own_certificate(tmp_path, ["10.0.0.2"], NOW + datetime.timedelta(days=800))
    seen.add(path.read_bytes())
    assert len(seen) == 4


def test_an_alias_is_named_too(tmp_path: Path) -> None:
    path, _ = own_certificate(tmp_path, ["10.0.0.1"], NOW)
    first = path.read_bytes()
    own_certificate(tmp_path, ["10.0.0.1"], NOW, ["Meet.School.example", "*.school.example"])
    names = named_in(path.read_bytes())
    assert {"meet.school.example", "*.school.example", *host_names()} == set(names)
    assert set(named_in(first)) == set(host_names())


def test_what_is_no_certificate_names_nobody() -> None:
    assert named_in(b"no certificate") == []
    assert named_in(b"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n") == []
