"""Redaction of credentials in logs, records and responses, by their format.

Forges and registries give their tokens prefixes that can be recognized:
https://docs.github.com/en/authentication/keeping-your-account-and-data-secure/about-authentication-to-github
https://docs.gitlab.com/security/tokens/#token-prefixes
https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md
"""

import re
from typing import Final

__all__ = ["has_url_credentials", "redact_credentials", "redact_urls"]

# A password may hold an @ and quotes: the user part ends at the last @ before the path.
_CREDENTIALS: Final = re.compile(r"(?<=://)[^\s/?#]*@")
_QUERY: Final = re.compile(
    r"([?&][\w.-]*(?:token|password|passwd|secret|signature|api_?key)=)[^\s&#'\"]+",
    re.IGNORECASE,
)
_SCHEME: Final = re.compile(
    r"(\b(?:proxy-)?authorization\b['\"]?\s{0,20}[:=,]\s{0,20}(?:b(?=['\"]))?['\"]?"
    r"(?:basic|bearer|token|negotiate|digest)?\s{0,20})[^\s'\"]+",
    re.IGNORECASE,
)
"""The whole value of the header, also with an unknown scheme."""
_BEARER: Final = re.compile(
    r"(\b(?:bearer|basic)\s+)[A-Za-z0-9._~+/=-]{8,}", re.IGNORECASE
)
_HEADER: Final = re.compile(
    r"(\b(?:x-gitlab-token|x-hub-signature(?:-256)?|webhook-signature|private-token"
    r"|job-token|x-api-key|(?:set-)?cookie)\b['\"]?\s*[:=,]\s*(?:b(?=['\"]))?['\"]?)[^'\"\r\n]+",
    re.IGNORECASE,
)
"""Headers with credentials, as tools and servers print them."""
_TOKEN: Final = re.compile(
    r"(?<![A-Za-z0-9])(?:gh[pousr]_|github_pat_|gl[a-z]{2,6}-|GR1348941|whsec_"
    r"|pypi-|hf_|npm_|dckr_pat_|xox[abprs]-|eyJ[A-Za-z0-9_-]{8,500}\.)[A-Za-z0-9_+/=.-]{12,}"
)
"""Tokens that a prefix identifies."""
_KEY: Final = re.compile(
    r"-----BEGIN [A-Z ]*PRIVATE KEY-----.*?(?:-----END|\Z)", re.DOTALL
)


def redact_credentials(text: str) -> str:
    """Redact credentials in URLs and headers, and known tokens, in a text."""
    text = redact_urls(text)
    text = _SCHEME.sub(r"\1…", text)
    text = _HEADER.sub(r"\1…", text)
    text = _BEARER.sub(r"\1…", text)
    return _KEY.sub("…", _TOKEN.sub("…", text))


def redact_urls(text: str) -> str:
    """Replace user names, passwords and tokens in the URLs of a text, nothing else.

    For texts in which a word may look like a token and is none, as package names do.
    """
    if "://" in text:
        text = _CREDENTIALS.sub("…@", text)
    return _QUERY.sub(r"\1…", text)


def has_url_credentials(text: str) -> bool:
    """Return whether a URL in the text has a user part."""
    return _CREDENTIALS.search(text) is not None
