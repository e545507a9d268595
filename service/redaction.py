"""Keep credentials out of logs, records and answers: by what they look like.

Forges and registries mark their tokens, so that anybody can tell them:
https://docs.github.com/en/authentication/keeping-your-account-and-data-secure/about-authentication-to-github
https://docs.gitlab.com/security/tokens/#token-prefixes
https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md
"""

import re
from typing import Final

__all__ = ["redacted"]

_CREDENTIALS: Final = re.compile(r"(?<=://)[^\s/?#\"'<>]+@")
"""The user part of a URL; up to the last @, for passwords may hold one."""
_QUERY: Final = re.compile(
    r"([?&][\w.-]*(?:token|password|passwd|secret|signature|api_?key)=)[^\s&#'\"]+",
    re.IGNORECASE,
)
_SCHEME: Final = re.compile(
    r"(\b(?:proxy-)?authorization\b['\"]?\s*[:=,]\s*(?:b(?=['\"]))?['\"]?"
    r"(?:basic|bearer|token|negotiate|digest)?\s*)[^\s'\"]+",
    re.IGNORECASE,
)
"""Everything in the header's name: also what nobody calls a scheme."""
_BEARER: Final = re.compile(
    r"(\b(?:bearer|basic)\s+)[A-Za-z0-9._~+/=-]{8,}", re.IGNORECASE
)
_HEADER: Final = re.compile(
    r"(\b(?:x-gitlab-token|x-hub-signature(?:-256)?|webhook-signature|private-token"
    r"|job-token|x-api-key|(?:set-)?cookie)\b['\"]?\s*[:=,]\s*(?:b(?=['\"]))?['\"]?)[^'\"\r\n]+",
    re.IGNORECASE,
)
"""Headers that prove somebody, as tools and servers print them."""
_TOKEN: Final = re.compile(
    r"(?<![A-Za-z0-9])(?:gh[pousr]_|github_pat_|gl[a-z]{2,6}-|GR1348941|whsec_"
    r"|pypi-|hf_|npm_|dckr_pat_|xox[abprs]-|eyJ[A-Za-z0-9_-]{8,}\.)[A-Za-z0-9_+/=.-]{12,}"
)
"""Tokens that say by themselves that they are some."""
_KEY: Final = re.compile(
    r"-----BEGIN [A-Z ]*PRIVATE KEY-----.*?(?:-----END|\Z)", re.DOTALL
)


def redacted(text: str) -> str:
    """Replace credentials in URLs and headers, and known tokens, in a text."""
    if "://" in text:
        text = _CREDENTIALS.sub("…@", text)
    text = _QUERY.sub(r"\1…", text)
    text = _SCHEME.sub(r"\1…", text)
    text = _HEADER.sub(r"\1…", text)
    text = _BEARER.sub(r"\1…", text)
    return _KEY.sub("…", _TOKEN.sub("…", text))
