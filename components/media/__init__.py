"""Decoding recordings: audio, video frames, faces, text. The decoders are imported on first use.

    decode_audio(source)          → float32 [samples], mono, 16 kHz, within ±1
    sound_blocks(source)          → the same in blocks, for recordings of any length
    frames(source, count=8)       → Frames: RGB uint8 [n, H, W, 3] and their times
    find_face(image), crop(…)     → the largest frontal face; its square grey picture
    track_face(source, detector)  → FaceTrack: one face through a clip, 25 frames a second
    track_active_speaker(…)       → the same, of the face whose mouth moves with the sound
    cut_regions(source, track, …) → frames of its mouth (``MouthRegion``) and face (``FaceRegion``)
    CachedFaces(source, …)        → both, kept in a cache
    normalise_text(text)          → what the text encoders read
    fingerprint_sound(samples)    → what a copy of the recording is known by, in whatever codec

A source is a path or the file's bytes; a path may name a part of a recording (``schema.CUT``), which is then all that
is read. What cannot be used raises ``MediaError``, whose message is the reason
alone ("0 bytes", "truncated: 1.20 s of 3.50 s are there"): the caller knows which recording it was.
"""

from importlib import import_module

_WHERE = {
    "AudioFacts": "audio",
    "audio_facts": "audio",
    "decode_audio": "audio",
    "sound_blocks": "audio",
    "Source": "container",
    "Frames": "video",
    "VideoFacts": "video",
    "frames": "video",
    "video_facts": "video",
    "pictures": "video",
    "Box": "face",
    "crop": "face",
    "find_face": "face",
    "find_faces": "face",
    "CascadeDetector": "cascade_detector",
    "LandmarkDetector": "landmark_detector",
    "FaceTrack": "face_track",
    "track_face": "face_track",
    "track_active_speaker": "active_speaker",
    "ClipFaces": "clip_faces",
    "CachedFaces": "clip_faces",
    "FaceRegion": "face_regions",
    "MouthRegion": "face_regions",
    "cut_regions": "face_regions",
    "PICTURES": "fingerprint_format",
    "fingerprint_face": "fingerprint",
    "fingerprint_sound": "fingerprint",
    "normalise_text": "text",
    "words": "text",
}

__all__ = sorted(_WHERE)


def __getattr__(name: str):
    if name not in _WHERE:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f".{_WHERE[name]}", __name__), name)
