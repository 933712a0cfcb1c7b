"""The processor's side beside ours: what it settled, where they differ, the certificate that they agree."""
