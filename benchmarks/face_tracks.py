"""Following the face through films: emoflow's tracks, against the loop that a user of MediaPipe would write.

    python -m benchmarks.face_tracks MODEL FILM [FILM …] [--repeats 4]

The same films for all three, in the same run; rates are of the films' own pictures:

- MediaPipe's Face Landmarker in one process, picture by picture, with blendshapes and the head's pose: in its image
  mode, and in its video mode, which searches for the face only where it lost it;
- emoflow's track at 25 frames a second, with the same model and the same results, a film a process on all cores.
"""

import argparse
import os
import time
from pathlib import Path

import av
import numpy as np
from emoflow.media import LandmarkDetector, track_face
from emoflow.process_pool import process_pool


def mediapipe_loop(films: list[Path], model: Path, mode: str) -> int:
    import mediapipe
    from mediapipe.tasks.python import BaseOptions, vision

    options = vision.FaceLandmarkerOptions(
        base_options=BaseOptions(model_asset_path=str(model)),
        running_mode=vision.RunningMode[mode],
        output_face_blendshapes=True,
        output_facial_transformation_matrixes=True,
    )
    count = 0
    for film in films:
        with vision.FaceLandmarker.create_from_options(options) as landmarker, av.open(film) as container:
            for number, frame in enumerate(container.decode(video=0)):
                image = mediapipe.Image(
                    image_format=mediapipe.ImageFormat.SRGB,
                    data=np.ascontiguousarray(frame.to_ndarray(format="rgb24")),
                )
                if mode == "IMAGE":
                    landmarker.detect(image)
                else:
                    landmarker.detect_for_video(image, 40 * number)
                count += 1
    return count


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("model", type=Path, help="face_landmarker.task")
    parser.add_argument("films", type=Path, nargs="+")
    parser.add_argument("--repeats", type=int, default=4, help="of each film")
    asked = parser.parse_args()
    films, cores = asked.films * asked.repeats, len(os.sched_getaffinity(0))
    seconds, pictures = {}, 0
    for mode in ("IMAGE", "VIDEO"):
        began = time.perf_counter()
        pictures = mediapipe_loop(films, asked.model, mode)
        seconds[f"MediaPipe, {mode.lower()} mode"] = time.perf_counter() - began
    began = time.perf_counter()
    with process_pool(min(cores, len(films))) as pool:
        list(pool.map(track_face, films, [LandmarkDetector(asked.model)] * len(films)))
    seconds["emoflow"] = time.perf_counter() - began
    print(f"{len(films)} films, {pictures} pictures, {cores} cores")
    for name, took in seconds.items():
        ratios = "".join(f"{seconds[other] / took:8.2f} ×" for other in list(seconds)[:2])
        print(f"{name:24}{took:8.2f} s{pictures / took:9.1f} pictures/s{ratios}")


if __name__ == "__main__":
    main()
