"""What a restored process can do, in surroundings from root's to a locked-down container's."""

import datetime
import importlib.util
import ipaddress
import shutil

import images
import pytest
import surroundings

CHECKS = sorted(path.stem for path in (images.PROGRAMS / "checks").glob("*.py"))


@pytest.fixture(scope="module")
def workbench(workshop):
    """The image in which the checks run, with what they need beside them."""
    folder = workshop.programs / "checks"
    certificate(folder)
    shutil.copy2(importlib.util.find_spec("xxhash._xxhash").origin, folder)
    return workshop["workbench"]


def certificate(folder):
    """A key and a certificate for localhost, valid for a day."""
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec

    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "localhost")])
    now = datetime.datetime.now(datetime.timezone.utc)
    names = x509.SubjectAlternativeName([x509.DNSName("localhost"), x509.IPAddress(ipaddress.ip_address("127.0.0.1"))])
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(days=1))
        .not_valid_after(now + datetime.timedelta(days=1))
        .add_extension(names, critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    form = serialization.Encoding.PEM
    (folder / "certificate.pem").write_bytes(made.public_bytes(form))
    private = key.private_bytes(form, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    (folder / "key.pem").write_bytes(private)


@pytest.mark.parametrize("check", CHECKS)
@pytest.mark.parametrize("place", surroundings.PLACES)
def test_a_restored_process_can_do_it(place, check, workbench, workshop):
    path = workshop.programs / "checks" / f"{check}.py"
    # The check is a new process's; it is not known at the snapshot.
    variables = {"CHECK": path, "SHAPE": "round"}
    prefix = surroundings.prefix(place, workshop)
    if place == "stranger" and check == "multiprocessing_spawn":
        pytest.skip("starts the interpreter, which this user cannot read")
    done = workbench.start(prefix=prefix, variables=variables)
    assert done.silently().out.splitlines() == ["registered before the image"]
