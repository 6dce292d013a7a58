# Makes key pairs as people have them, in PEM, or signs an assertion with one of them.
import datetime, sys, time, uuid
from pathlib import Path

import jwt
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa

ALGORITHMS = {'ec': 'ES256', 'rsa': 'RS256', 'ed25519': 'EdDSA'}

def make(folder):
    keys = {
        'ec': ec.generate_private_key(ec.SECP256R1()),
        'rsa': rsa.generate_private_key(65537, 2048),
        'ed25519': ed25519.Ed25519PrivateKey.generate(),
    }
    for name, key in keys.items():
        pem, pkcs8 = serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8
        spki = serialization.PublicFormat.SubjectPublicKeyInfo
        private = key.private_bytes(pem, pkcs8, serialization.NoEncryption())
        (folder / f'{name}.key').write_bytes(private)
        (folder / f'{name}.pub').write_bytes(key.public_key().public_bytes(pem, spki))
        subject = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, name)])
        now = datetime.datetime.now(datetime.timezone.utc)
        certificate = (x509.CertificateBuilder().subject_name(subject).issuer_name(subject)
            .public_key(key.public_key()).serial_number(1).not_valid_before(now)
            .not_valid_after(now + datetime.timedelta(days=1))
            .sign(key, None if name == 'ed25519' else hashes.SHA256()))
        (folder / f'{name}.crt').write_bytes(certificate.public_bytes(pem))

def sign(folder, name, client_id, issuer):
    claims = {'iss': client_id, 'sub': client_id, 'aud': issuer,
              'jti': str(uuid.uuid4()), 'exp': int(time.time()) + 60}
    print(jwt.encode(claims, (folder / f'{name}.key').read_text(), ALGORITHMS[name]), end='')

folder = Path(sys.argv[2])
make(folder) if sys.argv[1] == 'make' else sign(folder, *sys.argv[3:])
