"""Authenticator apps, the second factor: what a phone and we know in common, encrypted at rest."""

import time
from base64 import b32encode
from binascii import unhexlify
from urllib.parse import quote, urlencode

from django.db import models
from django_otp.models import Device
from django_otp.oath import TOTP

from templates_app.encryption import EncryptedTextField

ISSUER = "Hongyan"
TOLERANCE = 1
"""Steps of 30 seconds that the phone's clock may be wrong by."""


class Authenticator(Device):  # type: ignore[misc]  # django-otp has no types
    """django-otp's own device (otp_totp) keeps the key as it is: whoever reads the table could
    make codes. RFC 6238 with its defaults, as apps expect it: SHA-1, 6 digits, 30 seconds."""

    key = EncryptedTextField()
    """In hexadecimal."""
    drift = models.SmallIntegerField(default=0)
    """Steps by which the phone's clock was wrong at the last code."""
    last_t = models.BigIntegerField(default=-1)
    """The step of the last code: it and those before it count no more."""

    def fits(self, token: str) -> bool:
        """Whether it is the code of now; if so, it is used up. Nothing is stored."""
        totp = TOTP(unhexlify(self.key), drift=self.drift)
        totp.time = time.time()
        if not token.isdecimal() or not totp.verify(int(token), TOLERANCE, self.last_t + 1):
            return False
        self.last_t, self.drift = totp.t(), totp.drift
        return True

    def verify_token(self, token: str) -> bool:
        """django-otp's name. Lock the row before: a code counts once."""
        if not self.fits(token):
            return False
        self.save(update_fields=["last_t", "drift"])
        return True

    @property
    def address(self) -> str:
        """What the QR code holds (Google Authenticator's Key Uri Format)."""
        label = quote(f"{ISSUER}:{self.user.get_username()}")
        secret = b32encode(unhexlify(self.key)).decode()
        query = {"secret": secret, "algorithm": "SHA1", "digits": 6, "period": 30, "issuer": ISSUER}
        return f"otpauth://totp/{label}?{urlencode(query)}"
