"""Drawing faces: brows, eyes and mouth show an emotion, and the mouth moves with the speech.

What each emotion moves follows the action units of its prototype (Ekman, Friesen & Hager 2002, *Facial Action
Coding System: Investigator's Guide*, table 10-1): anger 4+5+7+23, disgust 9+10+15, fear 1+2+4+5+20+26,
happiness 6+12, sadness 1+4+15, surprise 1+2+5+26. The further emotions, of corpora that have them, have no
prototype there; their faces are ours.
"""

from collections.abc import Iterator
from dataclasses import dataclass, fields

import numpy as np

from .raster import Canvas

SIZE = 192
FPS = 25
MARGIN = 6  # pixels that the head may sway to each side


@dataclass(frozen=True)
class Expression:
    """Displacement of each part of the face from rest (AU: action unit); 1 is strong."""

    inner_brow: float = 0.0  # up (AU 1), below 0 down (AU 4)
    outer_brow: float = 0.0  # up (AU 2)
    frown: float = 0.0  # brows drawn together (AU 4)
    eyes: float = 0.0  # wide (AU 5), below 0 narrow (AU 7)
    cheeks: float = 0.0  # up (AU 6)
    nose: float = 0.0  # wrinkled (AU 9)
    upper_lip: float = 0.0  # up (AU 10)
    corners: float = 0.0  # up (AU 12), below 0 down (AU 15)
    width: float = 0.0  # stretched (AU 20), below 0 rounded
    tight: float = 0.0  # lips tightened (AU 23)
    jaw: float = 0.0  # dropped (AU 26)


EXPRESSIONS = {
    "anger": Expression(inner_brow=-1.0, outer_brow=0.4, frown=1.0, eyes=-0.25, corners=-0.3, tight=0.9),
    "disgust": Expression(
        inner_brow=-0.5, frown=0.4, eyes=-0.7, cheeks=0.4, nose=1.0, upper_lip=1.0, corners=-0.6
    ),
    "fear": Expression(inner_brow=1.0, outer_brow=0.3, frown=0.7, eyes=0.8, corners=-0.3, width=0.8, jaw=0.4),
    "happiness": Expression(eyes=-0.3, cheeks=1.0, corners=1.0, width=0.5, jaw=0.15),
    "sadness": Expression(inner_brow=0.9, outer_brow=-0.7, frown=0.4, eyes=-0.4, corners=-1.0),
    "surprise": Expression(inner_brow=1.0, outer_brow=1.0, eyes=1.0, width=-0.6, jaw=1.0),
    "neutral": Expression(),
    "calm": Expression(outer_brow=0.3, eyes=-0.9, corners=0.45),
    "contempt": Expression(outer_brow=0.9, eyes=-0.5, nose=0.4, upper_lip=0.9, corners=0.2, tight=0.6),
    "excitement": Expression(
        inner_brow=0.8, outer_brow=0.9, eyes=0.8, cheeks=0.8, corners=1.1, width=0.6, jaw=0.8
    ),
    "frustration": Expression(inner_brow=-0.6, frown=0.9, eyes=-0.8, corners=-0.9, tight=0.3, width=0.4),
    "boredom": Expression(inner_brow=-0.2, outer_brow=-0.5, eyes=-1.1, corners=-0.4, jaw=0.1),
}

SKINS = ((0.93, 0.78, 0.68), (0.87, 0.70, 0.57), (0.78, 0.60, 0.46), (0.66, 0.49, 0.37), (0.95, 0.82, 0.74))
HAIRS = ((0.16, 0.12, 0.10), (0.35, 0.23, 0.14), (0.55, 0.42, 0.24), (0.25, 0.22, 0.22), (0.42, 0.22, 0.13))
IRISES = ((0.25, 0.17, 0.10), (0.30, 0.42, 0.52), (0.33, 0.40, 0.27))


@dataclass(frozen=True)
class Look:
    """A speaker's appearance, independent of the emotion. Lengths in half head widths."""

    skin: tuple[float, float, float]
    hair: tuple[float, float, float]
    iris: tuple[float, float, float]
    long_hair: bool
    length: float  # of the head, half
    brow_height: float
    brow_thickness: float
    eye_distance: float
    eye_size: float
    mouth_height: float
    mouth_width: float
    lips: float  # how full


@dataclass(frozen=True)
class Setting:
    """Light and backdrop, which differ between a speaker's sessions."""

    light: float  # from the left (-1) to the right (1)
    brightness: float
    backdrop: tuple[float, float, float]


def look(gender: str, generator: np.random.Generator) -> Look:
    """Sample the appearance of a speaker, ``female`` or ``male``."""
    female = gender == "female"
    return Look(
        skin=tuple(SKINS[generator.integers(len(SKINS))]),
        hair=tuple(HAIRS[generator.integers(len(HAIRS))]),
        iris=tuple(IRISES[generator.integers(len(IRISES))]),
        long_hair=female,
        length=float(generator.uniform(1.26, 1.36)),
        brow_height=float(generator.uniform(-0.49, -0.45)),
        brow_thickness=float(generator.uniform(0.05, 0.06) if female else generator.uniform(0.065, 0.085)),
        eye_distance=float(generator.uniform(0.39, 0.43)),
        eye_size=float(generator.uniform(0.185, 0.21)),
        mouth_height=float(generator.uniform(0.62, 0.67)),
        mouth_width=float(generator.uniform(0.34, 0.39)),
        lips=float(generator.uniform(1.05, 1.25) if female else generator.uniform(0.8, 1.0)),
    )


def setting(generator: np.random.Generator) -> Setting:
    """Sample the light and backdrop of a session."""
    return Setting(
        light=float(generator.uniform(-1, 1)),
        brightness=float(generator.uniform(0.9, 1.08)),
        backdrop=tuple((generator.uniform(0.3, 0.6) + generator.uniform(-0.08, 0.08, size=3)).tolist()),
    )


def express(emotion: str, generator: np.random.Generator) -> Expression:
    """Sample an expression of the emotion: its intensity and each part's movement vary."""
    strength = generator.uniform(0.8, 1.15)
    moved = {
        field.name: strength * getattr(EXPRESSIONS[emotion], field.name) + 0.1 * generator.normal()
        for field in fields(Expression)
    }
    return Expression(**moved)


def film(
    shown: Expression, who: Look, where: Setting, openness: np.ndarray, generator: np.random.Generator
) -> Iterator[np.ndarray]:
    """Draw the frames of one clip.

    Args:
        shown: the expression.
        who: the speaker.
        where: the session.
        openness: float [n], 0 to 1: how far speech opens the mouth in each frame.

    Yields:
        n frames, uint8 [192, 192, 3].
    """
    size = SIZE + 2 * MARGIN
    centre = size / 2 + generator.uniform(-3, 3), size / 2 + 4 + generator.uniform(-3, 3)
    canvas = Canvas(
        size, centre=centre, scale=float(generator.uniform(50, 55)), roll=float(generator.normal(scale=0.03))
    )
    _head(canvas, who, where)
    _nose(canvas, who, shown)
    closed = canvas.window(slice(None), slice(None))
    _eyes(canvas, who, shown)
    _eyes(closed, who, Expression(**{**vars(shown), "eyes": -1.9}))
    for face in (canvas, closed):
        _brows(face, who, shown)

    rows = slice(int(centre[1] + 14), int(centre[1] + 76))  # where the mouth may be
    columns = slice(int(centre[0] - 38), int(centre[0] + 38))
    blinks = _blinks(len(openness), generator)
    sway = generator.uniform(0, 2 * np.pi, size=2), generator.uniform(0.25, 0.5, size=2)
    for number, opened in enumerate(openness):
        face = closed if blinks[number] else canvas
        picture = face.image.copy()
        mouth = face.window(rows, columns)
        _mouth(mouth, who, shown, float(opened))
        picture[rows, columns] = mouth.image
        dx, dy = np.round(2.4 * np.sin(sway[0] + 2 * np.pi * sway[1] * number / FPS)).astype(int) + MARGIN
        picture = picture[dy : dy + SIZE, dx : dx + SIZE]
        yield (np.clip(picture, 0, 1) * 255 + 0.5).astype(np.uint8)


def _blinks(count: int, generator: np.random.Generator) -> np.ndarray:
    """Which frames the eyes are closed in: three in a row, every two to four seconds."""
    closed = np.zeros(count, bool)
    at = int(generator.uniform(0.3, 2.5) * FPS)
    while at < count:
        closed[at : at + 3] = True
        at += int(generator.uniform(2, 4) * FPS)
    return closed


def _head(canvas: Canvas, who: Look, where: Setting) -> None:
    skin, length = np.array(who.skin, np.float32), who.length
    canvas.image[:] = np.array(where.backdrop, np.float32) * (1 - 0.15 * canvas.y[..., None])
    if who.long_hair:
        canvas.paint(canvas.ellipse(0, 0.25, 1.22, 1.65), who.hair)
    canvas.paint(canvas.ellipse(0, length + 1.25, 1.75, 0.95), 0.5 * np.array(where.backdrop)[::-1])
    canvas.paint(canvas.band(0, 0.42, np.full_like(canvas.x, 0.6), np.full_like(canvas.x, 1.6)), 0.8 * skin)
    for side in (-1, 1):
        canvas.paint(canvas.ellipse(side, 0.02, 0.13, 0.25), 0.85 * skin)
    canvas.paint(canvas.ellipse(0, -0.2, 1.06, length), who.hair)
    head = canvas.ellipse(0, 0, 1, length) * canvas.ellipse(0, 0.28, 1.02, 1.2, soft=3)
    round_off = np.clip(1 - (canvas.x / 1.05) ** 2 - (canvas.y / (length * 1.08)) ** 2, 0, 1) ** 0.35
    light = where.brightness * (0.62 + 0.4 * round_off) * (1 + 0.10 * where.light * canvas.x)
    canvas.paint(head, skin * light[..., None])
    for side in (-1, 1):
        canvas.shade(canvas.glow(side * who.eye_distance, -0.2, 0.27, 0.16) * head, -0.24)  # sockets
        canvas.shade(canvas.glow(side * 0.55, 0.25, 0.2, 0.18) * head, 0.07)  # cheek bones
    canvas.shade(canvas.glow(0, -0.75, 0.5, 0.2) * head, 0.08)  # forehead
    canvas.shade(canvas.glow(0, 1.08, 0.25, 0.1) * head, 0.06)  # chin


def _nose(canvas: Canvas, who: Look, shown: Expression) -> None:
    dark = 0.45 * np.array(who.skin)
    canvas.shade(canvas.glow(0, 0.05, 0.06, 0.25), 0.14)
    for side in (-1, 1):
        canvas.shade(canvas.glow(side * 0.14, 0.08, 0.05, 0.22), -0.13)
        canvas.paint(canvas.ellipse(side * 0.1, 0.34 - 0.03 * shown.nose, 0.05, 0.03, soft=2), dark, 0.8)
        fold = max(shown.nose, 0.8 * shown.cheeks, 0)  # from the nose to the mouth's corners
        curve = 0.3 + 1.2 * (np.abs(canvas.x) - 0.2)
        canvas.paint(
            canvas.band(side * 0.33, 0.13, curve - 0.02, curve + 0.02, soft=3), dark, 0.45 * min(fold, 1)
        )
        canvas.shade(canvas.glow(side * 0.5, 0.16, 0.16, 0.08), 0.12 * max(shown.cheeks, 0))
    for number in range(3):  # across the bridge
        at = -0.12 + 0.07 * number + 0.2 * canvas.x**2
        canvas.paint(
            canvas.band(0, 0.13, at - 0.012, at + 0.012, soft=2), dark, 0.6 * min(max(shown.nose, 0), 1)
        )
    for side in (-1, 1):  # between the brows
        mask = canvas.glow(side * 0.07, -0.38, 0.018, 0.09)
        canvas.paint(mask, dark, 0.6 * min(max(shown.frown, 0), 1))


def _eyes(canvas: Canvas, who: Look, shown: Expression) -> None:
    half = who.eye_size
    height = half * max(0.52 * (1 + 0.5 * shown.eyes), 0.03)
    for side in (-1, 1):
        x = side * who.eye_distance
        arch = np.clip(1 - ((canvas.x - x) / half) ** 2, 0, 1)
        middle = np.full_like(canvas.x, -0.19)
        top = middle - 1.05 * height * arch**0.7
        bottom = middle + (0.75 - 0.35 * max(shown.cheeks, 0)) * height * arch**0.8
        opening = canvas.band(x, half, top, bottom)
        canvas.paint(opening, (0.95, 0.94, 0.92))
        canvas.paint(opening * canvas.ellipse(x, -0.2, 0.098, 0.098), who.iris)
        canvas.paint(opening * canvas.ellipse(x, -0.2, 0.045, 0.045), (0.04, 0.04, 0.04))
        canvas.paint(opening * canvas.ellipse(x + 0.03, -0.23, 0.018, 0.018), (1, 1, 1))
        canvas.paint(canvas.band(x, half, top - 0.035, top + 0.008), (0.12, 0.09, 0.08), 0.9)  # lashes
        canvas.paint(canvas.band(x, half, bottom - 0.005, bottom + 0.015), 0.55 * np.array(who.skin), 0.7)


def _brows(canvas: Canvas, who: Look, shown: Expression) -> None:
    colour = 0.8 * np.array(who.hair)
    half = 0.25
    for side in (-1, 1):
        x = side * (who.eye_distance + 0.01 - 0.05 * shown.frown)
        along = np.clip(side * (canvas.x - x) / half, -1, 1)  # -1 at the nose, 1 at the temple
        lift = 0.13 * (shown.inner_brow * (1 - along) / 2 + shown.outer_brow * (1 + along) / 2)
        middle = who.brow_height - lift - 0.045 * (1 - along**2) + 0.02 * along
        thick = who.brow_thickness * (0.55 - 0.25 * along)
        canvas.paint(canvas.band(x, half, middle - thick, middle + thick, soft=1.5), colour, 0.92)


def _mouth(canvas: Canvas, who: Look, shown: Expression, opened: float) -> None:
    half = who.mouth_width * (1 + 0.25 * shown.width + 0.12 * shown.corners - 0.08 * opened)
    gap = 0.30 * max(shown.jaw, 0) + 0.17 * opened * (1 - 0.4 * min(max(shown.tight, 0), 1))
    along = canvas.x / half
    arch = np.clip(1 - along**2, 0, 1)
    raised = 0.10 * max(shown.upper_lip, 0)
    middle = who.mouth_height + 0.05 * shown.jaw + 0.13 * shown.corners * (arch - 0.6)
    full = who.lips * (1 - 0.5 * min(max(shown.tight, 0), 1))
    upper = middle - (0.25 * gap + raised) * arch**0.7
    lower = middle + 0.75 * gap * arch**0.7
    lip = np.array(who.skin) * (0.82, 0.52, 0.52)
    canvas.shade(canvas.glow(0, who.mouth_height + 0.21 + 0.7 * gap, 0.2, 0.05), -0.15)  # under the lower lip
    canvas.paint(canvas.band(0, half, upper - 0.07 * full * arch**0.6, upper + 0.012), 0.9 * lip)
    canvas.paint(canvas.band(0, half, lower - 0.012, lower + 0.095 * full * arch**0.6), lip)
    inside = canvas.band(0, half, upper, lower)
    canvas.paint(inside, (0.20, 0.07, 0.07))
    teeth = np.minimum(upper + 0.075, lower)
    canvas.paint(canvas.band(0, 0.85 * half, upper, teeth) * inside, (0.93, 0.91, 0.88))
    canvas.paint(
        canvas.band(0, half, middle_line := (upper + lower) / 2, middle_line + 0.012), (0.2, 0.08, 0.08), 0.5
    )
