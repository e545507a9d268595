"""Redaction of credentials in logs, records and responses, by their format.

Forges and registries give their tokens prefixes that can be recognized:
https://docs.github.com/en/authentication/keeping-your-account-and-data-secure/about-authentication-to-github
https://docs.gitlab.com/security/tokens/#token-prefixes
https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md
"""

import re
from typing import Final

__all__ = ["LineRedactor", "has_url_credentials", "redact_credentials", "redact_urls"]

# A password may hold an @ and quotes: the user part ends at the last @ before the path.
_CREDENTIALS: Final = re.compile(r"(?<=://)[^\s/?#]*@")
_UNESCAPED: Final = re.compile(
    r"(?<=://)[^\s/?#@:]{0,200}:(?!\d{1,5}[/?#])[^\s@'\"]{1,200}@"
    r"(?=[\w.-]{1,200}[:/])"
)
"""A password with a / ? or # in it, which a URL may not have and people do write."""
_QUERY: Final = re.compile(
    r"([?&;#][\w.-]*(?:token|password|passwd|pwd|secret|signature|api_?key|credential"
    r"|(?<=[?&;#])(?:sig|auth|key|code))=)[^\s&#'\"]+",
    re.IGNORECASE,
)
_CHANNEL: Final = re.compile(
    r"(://[^\s/]{1,200}(?:/[\w.-]{1,100}){0,4}/t/)[A-Za-z0-9-]{8,200}(?=/)"
)
"""The token in the URL of a conda channel."""
_INSIDE: Final = r"(?P<inside>(?<=-))"
"""The middle of a name: `X-Authorization`."""
_IF_HEADER: Final = (
    r"(?(inside)(?=['\"]?\s{0,20}:(?!\s{0,20}['\"^>=<~]{0,3}\d{1,4}\.)))"
)
"""What follows the name of a header, and no name of a package before its version.

It is asked behind the name: before it, each hyphen of a text would ask.
"""
_SCHEME: Final = re.compile(
    rf"((?:(?<![\w.-])|(?<=\.)|{_INSIDE})(?:proxy-)?authorization\b{_IF_HEADER}"
    r"['\"]?\s{0,20}[:=,](?!=)\s{0,20}(?:b(?=['\"]))?['\"]?"
    r"(?:basic|bearer|token|negotiate|digest)?\s{0,20})[^\s'\"]+",
    re.IGNORECASE,
)
"""The whole value of the header, also with an unknown scheme."""
_BEARER: Final = re.compile(
    r"(\b(?:bearer|basic)\s+)[A-Za-z0-9._~+/=-]{8,}", re.IGNORECASE
)
_HEADER: Final = re.compile(
    rf"((?:(?<![\w.-])|{_INSIDE})"
    r"(?:x-gitlab-token|x-hub-signature(?:-256)?|webhook-signature|private-token"
    rf"|job-token|x-api-key|(?:set-)?cookie)\b{_IF_HEADER}"
    r"['\"]?\s*[:=,](?!=)\s*(?:b(?=['\"]))?['\"]?)[^'\"\r\n]+",
    re.IGNORECASE,
)
"""Headers with credentials, as tools and servers print them."""
_TOKEN: Final = re.compile(
    r"(?<![A-Za-z0-9])(?:(?:gh[pousr]_|github_pat_|GR1348941|whsec_|dckr_pat_"
    r"|gl(?:agent|cbt|ffct|ft|imt|oas|pat|ptt|rtr?|soat|dt|wt)-"
    r"|xox[abprs]-|eyJ[A-Za-z0-9_-]{8,500}\.)[A-Za-z0-9_+/=.-]{12,}"
    r"|(?:hf_|npm_)[A-Za-z0-9]{20,}|pypi-[A-Za-z0-9_-]{30,})"
)
"""Tokens that a prefix identifies, and no names of packages that begin so."""
_OF_SECRETS: Final = (
    *("password", "passwd", "passphrase", "secret", "token", "credential"),
    *("credentials", "signature", "_pass", "_auth", "_pwd"),
    *("apikey", "accesskey", "secretkey", "privatekey", "api[_.-]key"),
    *("access[_.-]key", "secret[_.-]key", "private[_.-]key"),
)
"""How names of secrets end."""
_IS_SECRET: Final = "|".join(f"(?<={end})" for end in _OF_SECRETS)
_ASSIGNED: Final = re.compile(
    r"(?P<before>(?<![\w.-])(?P<name>-{0,2}[A-Za-z_][\w.-]{1,80}+)"
    rf"(?i:{_IS_SECRET})(?P<key>['\"]?\]?)"
    r"(?P<sign>\s{0,3}(?:=>?|:=?)(?![=:])\s{0,3})(?P<quote>['\"]?))"
    r"(?P<value>(?!…)(?:[^\s'\",;]|[,;](?=[^\s'\"])){4,})"
)
"""A name and its value, as programs print their environment, settings and headers; `==`
is a requirement of a package that may be called like a secret."""
_ARGUMENT: Final = re.compile(
    r"((?:(?<!\S)--?[\w-]{0,60}(?:passw(?:or)?d|token|secret|api-?key)"
    r"\s(?!(?-i:[a-z]+|[A-Z_]+)[\])>.,:]?(?!\S))|\blogin\s\S{1,200}\spassword\s)['\"]?)[^\s'\"]+",
    re.IGNORECASE,
)
"""The argument of a command, and a line of `.netrc`."""
_MENTIONED: Final = ("pass", "secret", "token", "cred", "key", "auth", "pwd", "sign")
_NO_VALUE: Final = re.compile(r"(?:none|null|true|false|undefined)$", re.IGNORECASE)
_MORE: Final = r"(?:\.(?:\d{1,8}[a-z]?|\*))"
_LABEL: Final = (
    r"(?:[-_.+]?(?:a|b|c|rc|alpha|beta|pre|preview|post|rev|dev)[-_.]?\d{0,8})"
)
_BUILD: Final = rf"{_LABEL}{{0,3}}(?:\+[\w.]{{1,40}})?(?:[=-]\w{{1,40}})?"
_VERSION: Final = re.compile(
    rf"(?:v?(?:\d{{1,3}}!)?\d{{1,8}}[a-z]?{_MORE}{{1,5}}{_BUILD}|\d{{1,6}}"
    rf"|(?:[<>=!~^]{{1,3}}v?\d{{1,8}}{_MORE}{{0,5}}{_LABEL}{{0,3}},?){{1,4}})[).\]:]?",
    re.IGNORECASE,
)
"""Versions as Python and conda write them, also with a build; and counts."""
_WORD: Final = re.compile(r"(?:[a-z_-]+|[A-Z_-]+)[).\]:]?")
_METAVARIABLE: Final = re.compile(r"[A-Z_-]+[).\]:]?")
_CODE: Final = re.compile(r"[^(\[{]*[(\[{]")
_KEY: Final = re.compile(
    r"-----BEGIN [A-Z ]*PRIVATE KEY-----.*?(?:-----END|\Z)", re.DOTALL
)
_KEY_BEGINS: Final = re.compile(r"-----BEGIN [A-Z ]{0,40}PRIVATE KEY-----")
_KEY_ENDS: Final = "-----END "
_KEY_LINES: Final = 150
"""More than a key of 16,384 bits has; what has no end hides no more than that."""


def redact_credentials(text: str) -> str:
    """Redact credentials in URLs and headers, and known tokens, in a text."""
    text = redact_urls(text)
    text = _SCHEME.sub(r"\1…", text)
    text = _HEADER.sub(r"\1…", text)
    text = _BEARER.sub(r"\1…", text)
    lowered = text.lower()
    if any(word in lowered for word in _MENTIONED):  # most lines have none
        text = _ASSIGNED.sub(_hide_value, _ARGUMENT.sub(r"\1…", text))
    return _KEY.sub("…", _TOKEN.sub("…", text))


class LineRedactor:
    """Redacts the lines of one output, of which a private key takes several."""

    def __init__(self) -> None:
        self._left = 0
        """How many more lines may belong to a key."""

    def redact(self, line: str) -> str:
        """Redact the next line."""
        if self._left:
            self._left = 0 if _KEY_ENDS in line else self._left - 1
            return "…"
        begin = _KEY_BEGINS.search(line)
        if begin is not None and _KEY_ENDS not in line[begin.end() :]:
            self._left = _KEY_LINES
        return redact_credentials(line)


def redact_urls(text: str) -> str:
    """Replace user names, passwords and tokens in the URLs of a text, nothing else.

    For texts in which a word may look like a token and is none, as package names do.
    """
    if "://" in text:
        text = _UNESCAPED.sub("…@", _CREDENTIALS.sub("…@", text))
        text = _CHANNEL.sub(r"\1…", text)
    return _QUERY.sub(r"\1…", text)


def _hide_value(match: re.Match[str]) -> str:
    """Replace the value of what has the name of a secret."""
    name, value = match["name"], match["value"]
    if _NO_VALUE.match(value) or _VERSION.fullmatch(value) or _is_prose(match):
        return match[0]
    # Code has words for values, too: `token = next_token`, "bad token: name".
    is_certain = (
        name.isupper()
        or name.startswith("-")
        or "passw" in name.lower()
        or _is_quoted(match)
    )
    has_digit = any(letter.isdigit() for letter in value)
    is_likely = has_digit and not _CODE.match(value)
    return f"{match['before']}…" if is_certain or is_likely else match[0]


def _is_prose(match: re.Match[str]) -> bool:
    """Return whether a value is a word: `password: expected`, `--token=FILE`."""
    if match["sign"] == "=" and match["name"].startswith("-"):
        return _METAVARIABLE.fullmatch(match["value"]) is not None
    is_data = match["sign"] == "=" or _is_quoted(match)
    return not is_data and _WORD.fullmatch(match["value"]) is not None


def _is_quoted(match: re.Match[str]) -> bool:
    return bool(match["key"] and match["quote"])


def has_url_credentials(text: str) -> bool:
    """Return whether a URL in the text has a user part."""
    return _CREDENTIALS.search(text) is not None
