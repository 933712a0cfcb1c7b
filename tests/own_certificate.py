"""A certificate of one's own making, as a small company's mail server has it. Openssl comes with Dovecot."""

import subprocess

NAMES = "IP:127.0.0.1,IP:127.0.0.2"


def make(folder, names=NAMES):
    """(certificate, key): two files in ``folder``, good for a week and for these names."""
    certificate, key = folder / "certificate.pem", folder / "key.pem"
    subprocess.run(
        [
            "openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes",
            "-keyout", key, "-out", certificate, "-days", "7", "-subj", "/CN=mail.lantern.example",
            "-addext", f"subjectAltName={names}",
        ],
        check=True, capture_output=True,
    )  # fmt: skip
    return certificate, key
