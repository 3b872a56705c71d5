"""Where the freely available corpora are published, their parts, and the known digests of their files.

RAVDESS: Zenodo record 1188976, the MD5s as Zenodo publishes them; those not listed here are asked of the record's
own description. MELD: the annotations at a commit of declare-lab/MELD, the films as their authors put them on Hugging
Face and at the University of Michigan. CREMA-D: a commit of its authors' Git LFS mirror; a commit's id is a digest of
all of it, and each clip's SHA-256 is in it.
"""

from dataclasses import dataclass
from pathlib import PurePosixPath

from ...storage.download import Remote
from ..adapter_interface import is_dropping
from ..adapters.crema_d.adapter import FILM, SOUND
from ..adapters.crema_d.votes import TABULATED
from ..adapters.meld.adapter import SPLITS

ZENODO = "https://zenodo.org"
RAVDESS_RECORD = "1188976"
MELD_ANNOTATIONS = "https://raw.githubusercontent.com/declare-lab/MELD"
MELD_MEDIA = (
    "https://huggingface.co/datasets/declare-lab/MELD/resolve/main",
    "https://web.eecs.umich.edu/~mihalcea/downloads",
)
CREMA_D = "https://gitlab.com/cs-cooper-lab/crema-d-mirror.git"
CREMA_D_COMMIT = "d15eeed6a139e9724483ed9a2fc4643f88708b79"


@dataclass(frozen=True)
class Part:
    """What of a corpus can be fetched by itself.

    Attributes:
        holds: for people.
        needs: other parts without which it is of no use, fetched with it.
    """

    name: str
    holds: str
    needs: tuple[str, ...] = ()


PARTS = {
    "crema-d": (
        Part("speech", "the clips' sound, the votes, the actors' data; 0.6 GB"),
        Part("video", "the clips' films; further gigabytes", needs=("speech",)),
    ),
    "meld": (
        Part("text", "the utterances and their labels; 1.5 MB"),
        Part("media", "the clips' films with their sound; 10.9 GB", needs=("text",)),
    ),
    "ravdess": (
        Part("speech", "1,440 spoken clips, sound; 0.2 GB"),
        Part("song", "1,012 sung clips, sound; 0.2 GB"),
        Part("video", "the spoken clips' films; 13.4 GB"),
        Part("video-song", "the sung clips' films; 11.8 GB"),
    ),
}
"""The first part is what is fetched where none is named."""

_ZENODO_KNOWN = {
    "Audio_Speech_Actors_01-24.zip": ("bc696df654c87fed845eb13823edef8a", 208468073),
    "Video_Speech_Actor_01.zip": ("3c8ececaf392b4a9b11b32271f4f6d01", 552968353),
    "Video_Speech_Actor_02.zip": ("a6f40d413b2e6ef25b3a595099e59abb", 570673024),
    "Video_Speech_Actor_03.zip": ("68fa240ddd8a3cc410c64efe5fb2b0e4", 567824665),
    "Video_Speech_Actor_04.zip": ("013eed832af1f7e97082aae398a00dbe", 546560009),
    "Video_Speech_Actor_05.zip": ("b00e17d61374ef6ba86fef35d50a20fb", 562966425),
    "Video_Speech_Actor_06.zip": ("3c42877921cc08cfb5c841a0f2cb94a7", 568517859),
    "Video_Speech_Actor_07.zip": ("bdd29bfe082f80361ec6b589845c283d", 565652404),
    "Video_Speech_Actor_08.zip": ("bed5f43d9c18e177e34d4bc1ed9b6d77", 562573079),
    "Video_Speech_Actor_09.zip": ("775da349c50bf915a1bbcb37379bd092", 523489249),
    "Video_Speech_Actor_10.zip": ("70199d1c6902f76e17df308d5c41fa01", 565580163),
    "Video_Speech_Actor_11.zip": ("824504aa41a8fd575e5459d5701dd378", 518634370),
    "Video_Speech_Actor_12.zip": ("2a1f0ddc0ca207beedee6ce2ea863ad7", 557928718),
    "Video_Speech_Actor_13.zip": ("c5f2fd4fd77941636947620368c612b5", 501877549),
    "Video_Speech_Actor_14.zip": ("466d31f4cce92a14b1f4ee884bbdf7d7", 552484059),
    "Video_Speech_Actor_15.zip": ("4b3b9bc8473e86f884630f2506684887", 525205576),
    "Video_Speech_Actor_16.zip": ("a63c54570ebbe6bd616d0dced5630f7e", 562416513),
    "Video_Speech_Actor_17.zip": ("8b7ae3e5a85d2874ac8e1195e722e047", 551688845),
    "Video_Speech_Actor_18.zip": ("fef2131ac361da182c0cb85f3d8e8a6c", 565655520),
    "Video_Speech_Actor_19.zip": ("abb97d97d8c4e88c866cee1cea9d06d6", 581121687),
    "Video_Speech_Actor_20.zip": ("5ddfb22770093bafebdefe8faa449f48", 561349264),
    "Video_Speech_Actor_21.zip": ("d810cf2ff6863ef91306fc7a16d74fbb", 590292896),
    "Video_Speech_Actor_22.zip": ("fee55f72c9871401f23d4b167de3217d", 560907466),
    "Video_Speech_Actor_23.zip": ("b31e8c8904e66102e7a951694db752d6", 545177865),
    "Video_Speech_Actor_24.zip": ("eef90e806c9179bc5b4b098d03647ae3", 595799165),
}
_SINGERS = [actor for actor in range(1, 25) if actor != 18]
RAVDESS_ARCHIVES = {
    "speech": ("Audio_Speech_Actors_01-24.zip",),
    "song": ("Audio_Song_Actors_01-24.zip",),
    "video": tuple(f"Video_Speech_Actor_{actor:02d}.zip" for actor in range(1, 25)),
    "video-song": tuple(f"Video_Song_Actor_{actor:02d}.zip" for actor in _SINGERS),
}

_MELD_KNOWN = {
    "train_sent_emo.csv": (
        "ca3e1266db4cc4a4e802156e2f721c4cd114a696",
        "d2fa2d6529cf03cac2989efec05c9b27d8fd2f4c8fc5974c7ae88aa537fa02db",
        1119290,
    ),
    "dev_sent_emo.csv": (
        "ca3e1266db4cc4a4e802156e2f721c4cd114a696",
        "2e89c6f8aa182d6f62f8c6331aece905ac7273ca4999660bfb5213e1d0370c1c",
        121640,
    ),
    "test_sent_emo.csv": (
        "76e4ed20032322e47bbe04d3b5179f9b2e35bec9",
        "8d37103938f7067600839fe29d5a114a6cd1bcdafb75bec101e06464c5006888",
        294526,
    ),
}
_CREMA_D_FOLDERS = {"speech": (SOUND, TABULATED.partition("/")[0]), "video": (FILM,)}


def zenodo_archive(name: str, *, base: str) -> Remote:
    """An archive of RAVDESS; without digest and size where none is known beforehand."""
    md5, size = _ZENODO_KNOWN.get(name, (None, None))
    url = f"{base}/records/{RAVDESS_RECORD}/files/{name}?download=1"
    return Remote(name, (url,), md5 and f"md5:{md5}", size)


def meld_annotations(*, base: str) -> list[Remote]:
    """MELD's three tables, each at the commit that last changed it."""
    return [
        Remote(name, (f"{base}/{commit}/data/MELD/{name}",), f"sha256:{sha256}", size)
        for name, (commit, sha256, size) in _MELD_KNOWN.items()
    ]


def meld_media(*, bases: tuple[str, ...]) -> Remote:
    """The archive of MELD's films; it holds one more archive for each split."""
    name = "MELD.Raw.tar.gz"
    return Remote(
        name,
        tuple(f"{base}/{name}" for base in bases),
        "sha256:a56b4407d574195cbce470d86f9c9d72fcfea59b0e34502ecd4babee4a5c613e",
        10878146150,
    )


def meld_place(name: str) -> str | None:
    """A member of MELD's archives → its place in the corpus; the tables come from the repository instead.

    Args:
        name: the member's path in its archive.

    Returns:
        Relative to the corpus's root; None for what is left out.
    """
    parts = PurePosixPath(name).parts
    if any(is_dropping(part) for part in parts):
        return None
    for _split, folder in SPLITS.values():
        if folder in parts:
            return "/".join(parts[parts.index(folder) :])
    return parts[-1] if parts and parts[-1].endswith(".tar.gz") else None


def crema_d_place(name: str, parts: tuple[str, ...]) -> str | None:
    """A file of CREMA-D's repository → its place in the corpus: its own, if these parts have it.

    Args:
        name: the file's path in the repository.
        parts: what of the corpus is wanted: ``speech``, ``video``.

    Returns:
        Relative to the corpus's root; None for what is left out.
    """
    first, *rest = PurePosixPath(name).parts
    if rest:
        return name if any(first in _CREMA_D_FOLDERS[part] for part in parts) else None
    return name if name.endswith((".csv", ".md", ".txt")) else None
