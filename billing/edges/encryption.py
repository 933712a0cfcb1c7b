"""Encrypted lines to mail servers: certificates are always checked, and what is wrong with one is said.

A server with a certificate of one's own making works where this machine trusts it (SSL_CERT_FILE names it).
"""

import ssl


def context():
    """How a server is checked: by the authorities that this machine trusts, and by its name."""
    return ssl.create_default_context()


def distrust(error, host):
    """A sentence about a certificate that was refused; empty for any other trouble."""
    if not isinstance(error, ssl.SSLCertVerificationError):
        return ""
    return (
        f"The certificate of {host} is not trusted here ({error.verify_message.rstrip('.')}), so no password "
        "and no mail was sent. Put a right one in place, or name its issuer in SSL_CERT_FILE."
    )
