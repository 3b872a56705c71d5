"""Text normalisation: the same sentence gives the same string, whoever typed it."""

import re
import unicodedata

VERSION = 1
"""Of the normalisation: raised when the same text gives another string."""

_PLAIN = str.maketrans(
    {
        "‘": "'", "’": "'", "‚": "'", "‛": "'", "ʼ": "'", "`": "'", "´": "'",
        "“": '"', "”": '"', "„": '"', "‟": '"', "«": '"', "»": '"',
        "‐": "-", "‑": "-", "‒": "-", "–": "-", "−": "-", "—": " - ", "―": " - ",
        "\u00ad": None, "\u200b": None, "\u200c": None, "\u200d": None, "\u2060": None, "\ufeff": None,
    }
)  # fmt: skip

# A word, with its inner apostrophes and hyphens; or a mark that carries emotion.
_WORD = re.compile(r"\w+(?:['-]\w+)*|[!?]|\.\.\.")


def normalise_text(text: str) -> str:
    """Compatibility forms, plain quotes and dashes, single spaces, case folded.

    Windows' cp1252 quotes that were read as Latin-1 control characters (``\\x92``) become quotes too: MELD's
    derivatives are full of them. The result is a fixed point: normalising it again changes nothing.
    """
    before = None
    while text != before:  # folding case can make forms that NFKC then composes: İ, ΐ
        before = text
        text = repaired(text)
        # Quotes first: NFKC would take the acute accent ´ apart into a space and a combining mark.
        text = unicodedata.normalize("NFKC", text.translate(_PLAIN)).translate(_PLAIN)
        text = " ".join(text.casefold().split())
    return text


def repaired(text: str) -> str:
    """Windows' cp1252 quotes and dashes that were read as Latin-1 control characters, as what they are."""
    return re.sub(r"[\x80-\x9f]", _from_windows, text)


def words(text: str) -> list[str]:
    """The words of a text, normalised, and the marks ``!``, ``?`` and ``...``."""
    return _WORD.findall(normalise_text(text))


def _from_windows(match: re.Match) -> str:
    return match.group().encode("latin-1").decode("cp1252", errors="replace").replace("\ufffd", " ")
